//! Which addresses the programs listen on.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::TcpListener,
    path::Path,
    time::{Duration, Instant},
};

use crate::{ClusterError, ClusterFile, SERVICES};

/// First of the fixed ports: gRPC from here, metrics ten above, the broker twenty above.
const FIXED: u16 = 7701;
/// Ports of the next replica.
const NEXT_REPLICA: u16 = 100;
/// Free ports are looked for below the range from which the system takes ports of outgoing connections.
const FREE: std::ops::Range<u16> = 10_000..32_000;

/// How long the programs of a cluster whose supervisor was killed may take to leave their ports.
const LEAVE: Duration = Duration::from_secs(5);

/// Which ports to take, all on 127.0.0.1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ports {
    /// 7701 to 7704 for gRPC, 7711 to 7714 for metrics, 7721 for the broker; further replicas each a hundred above.
    Fixed,
    /// Whatever is free; the same again when the folder was used before and they still are.
    Free,
}

/// The ports of one cluster.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Addresses {
    /// Of each replica.
    grpc: Vec<[u16; SERVICES.len()]>,
    metrics: Vec<[u16; SERVICES.len()]>,
    pub(crate) nats: u16,
}

impl Addresses {
    fn fixed(replicas: usize) -> Self {
        let step = |first: u16| {
            let replica = |number| first + NEXT_REPLICA * u16::try_from(number).unwrap_or_default();
            let ports = |first: u16| {
                std::array::from_fn(|place| first + u16::try_from(place).unwrap_or_default())
            };
            (0..replicas).map(|number| ports(replica(number))).collect()
        };
        Self {
            grpc: step(FIXED),
            metrics: step(FIXED + 10),
            nats: FIXED + 20,
        }
    }

    /// Of a replica of `service`, counted from 0.
    pub(crate) fn grpc(&self, service: &str, replica: usize) -> u16 {
        Self::of(&self.grpc, service, replica)
    }

    /// Of a replica of `service`, counted from 0.
    pub(crate) fn metrics(&self, service: &str, replica: usize) -> u16 {
        Self::of(&self.metrics, service, replica)
    }

    /// URLs of all replicas of `service`, separated by commas.
    pub(crate) fn grpc_list(&self, service: &str) -> String {
        Self::list(&self.grpc, service)
    }

    /// URLs of all replicas of `service`, separated by commas.
    pub(crate) fn metrics_list(&self, service: &str) -> String {
        Self::list(&self.metrics, service)
    }

    fn of(ports: &[[u16; SERVICES.len()]], service: &str, replica: usize) -> u16 {
        let place = SERVICES.iter().position(|known| *known == service);
        let ports = ports.get(replica).zip(place);
        ports.map_or(0, |(ports, place)| ports[place])
    }

    fn list(ports: &[[u16; SERVICES.len()]], service: &str) -> String {
        let url = |replica| format!("http://127.0.0.1:{}", Self::of(ports, service, replica));
        let urls: Vec<String> = (0..ports.len()).map(url).collect();
        urls.join(",")
    }

    fn all(&self) -> impl Iterator<Item = (&'static str, u16)> {
        let both = self.grpc.iter().chain(&self.metrics);
        let services = both.flat_map(|ports| SERVICES.into_iter().zip(*ports));
        services.chain([("nats-server", self.nats)])
    }

    fn taken(&self) -> Option<(&'static str, u16)> {
        self.all().find(|(_, port)| !is_free(*port))
    }
}

/// As [`choose`]. When the folder's last cluster had the fixed ports, its programs may be about to leave them: they are waited for.
pub(crate) async fn choose_after_the_last(
    ports: Ports,
    replicas: usize,
    home: &Path,
) -> Result<Addresses, ClusterError> {
    let end = Instant::now() + LEAVE;
    let last = ClusterFile::read(home)
        .ok()
        .and_then(|file| used_before(&file));
    loop {
        match choose(ports, replicas, home) {
            Err(ClusterError::PortTaken { .. })
                if ports == Ports::Fixed
                    && last.as_ref() == Some(&Addresses::fixed(replicas))
                    && Instant::now() < end =>
            {
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
            chosen => return chosen,
        }
    }
}

fn choose(ports: Ports, replicas: usize, home: &Path) -> Result<Addresses, ClusterError> {
    match ports {
        Ports::Fixed => {
            let addresses = Addresses::fixed(replicas);
            match addresses.taken() {
                None => Ok(addresses),
                Some((program, port)) => Err(ClusterError::PortTaken {
                    port,
                    program: program.to_owned(),
                }),
            }
        }
        Ports::Free => {
            if let Some(before) = ClusterFile::read(home)
                .ok()
                .and_then(|file| used_before(&file))
                && before.grpc.len() == replicas
                && before.taken().is_none()
            {
                return Ok(before);
            }
            let mut chosen = BTreeSet::new();
            let mut next = || -> Result<u16, ClusterError> {
                for _ in 0..1_000 {
                    let port = rand::random_range(FREE);
                    if is_free(port) && chosen.insert(port) {
                        return Ok(port);
                    }
                }
                Err(ClusterError::PortTaken {
                    port: FREE.start,
                    program: "any program".to_owned(),
                })
            };
            let mut four = || Ok::<_, ClusterError>([next()?, next()?, next()?, next()?]);
            let mut each = || {
                (0..replicas)
                    .map(|_| four())
                    .collect::<Result<_, ClusterError>>()
            };
            Ok(Addresses {
                grpc: each()?,
                metrics: each()?,
                nats: next()?,
            })
        }
    }
}

fn used_before(file: &ClusterFile) -> Option<Addresses> {
    let port = |url: &str| url.rsplit(':').next()?.parse::<u16>().ok();
    let ports = |by_service: &BTreeMap<String, String>| {
        let mut replicas: Vec<[u16; SERVICES.len()]> = Vec::new();
        for (place, service) in SERVICES.into_iter().enumerate() {
            for (number, url) in by_service.get(service)?.split(',').enumerate() {
                if replicas.len() == number {
                    replicas.push([0; SERVICES.len()]);
                }
                replicas.get_mut(number)?[place] = port(url)?;
            }
        }
        Some(replicas)
    };
    Some(Addresses {
        grpc: ports(&file.services)?,
        metrics: ports(&file.metrics)?,
        nats: port(&file.nats)?,
    })
}

fn is_free(port: u16) -> bool {
    TcpListener::bind(("127.0.0.1", port)).is_ok()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn free_ports_differ_and_are_taken_again_for_the_same_folder() {
        let home = std::env::temp_dir().join(format!("ordo-ports-{}", std::process::id()));
        std::fs::create_dir_all(&home).unwrap();
        let first = choose(Ports::Free, 2, &home).unwrap();
        let distinct: BTreeSet<u16> = first.all().map(|(_, port)| port).collect();
        assert_eq!(distinct.len(), 17);
        ClusterFile::new("shop", &first).write(&home).unwrap();
        assert_eq!(choose(Ports::Free, 2, &home).unwrap(), first);
        assert_ne!(choose(Ports::Free, 1, &home).unwrap(), first);
        std::fs::remove_dir_all(&home).unwrap();
    }
}
