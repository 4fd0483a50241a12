//! Which addresses the programs listen on.

use std::{
    collections::BTreeSet,
    net::TcpListener,
    path::Path,
    time::{Duration, Instant},
};

use crate::{ClusterError, ClusterFile, SERVICES};

/// First of the fixed ports: gRPC from here, metrics ten above, the broker twenty above.
const FIXED: u16 = 7701;
/// Free ports are looked for below the range from which the system takes ports of outgoing connections.
const FREE: std::ops::Range<u16> = 10_000..32_000;

/// How long the programs of a cluster whose supervisor was killed may take to leave their ports.
const LEAVE: Duration = Duration::from_secs(5);

/// Which ports to take, all on 127.0.0.1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ports {
    /// 7701 to 7704 for gRPC, 7711 to 7714 for metrics, 7721 for the broker.
    Fixed,
    /// Whatever is free; the same again when the folder was used before and they still are.
    Free,
}

/// The ports of one cluster.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Addresses {
    grpc: [u16; SERVICES.len()],
    metrics: [u16; SERVICES.len()],
    pub(crate) nats: u16,
}

impl Addresses {
    fn fixed() -> Self {
        let step = |first: u16| {
            std::array::from_fn(|place| first + u16::try_from(place).unwrap_or_default())
        };
        Self {
            grpc: step(FIXED),
            metrics: step(FIXED + 10),
            nats: FIXED + 20,
        }
    }

    pub(crate) fn grpc(&self, service: &str) -> u16 {
        Self::of(&self.grpc, service)
    }

    pub(crate) fn metrics(&self, service: &str) -> u16 {
        Self::of(&self.metrics, service)
    }

    fn of(ports: &[u16; SERVICES.len()], service: &str) -> u16 {
        let place = SERVICES.iter().position(|known| *known == service);
        place.map_or(0, |place| ports[place])
    }

    fn all(&self) -> impl Iterator<Item = (&'static str, u16)> {
        let grpc = SERVICES.into_iter().zip(self.grpc);
        let metrics = SERVICES.into_iter().zip(self.metrics);
        grpc.chain(metrics).chain([("nats-server", self.nats)])
    }

    fn taken(&self) -> Option<(&'static str, u16)> {
        self.all().find(|(_, port)| !is_free(*port))
    }
}

/// As [`choose`]. When the folder's last cluster had the fixed ports, its programs may be about to leave them: they are waited for.
pub(crate) async fn choose_after_the_last(
    ports: Ports,
    home: &Path,
) -> Result<Addresses, ClusterError> {
    let end = Instant::now() + LEAVE;
    let last = ClusterFile::read(home)
        .ok()
        .and_then(|file| used_before(&file));
    loop {
        match choose(ports, home) {
            Err(ClusterError::PortTaken { .. })
                if ports == Ports::Fixed
                    && last.as_ref() == Some(&Addresses::fixed())
                    && Instant::now() < end =>
            {
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
            chosen => return chosen,
        }
    }
}

fn choose(ports: Ports, home: &Path) -> Result<Addresses, ClusterError> {
    match ports {
        Ports::Fixed => {
            let addresses = Addresses::fixed();
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
            Ok(Addresses {
                grpc: [next()?, next()?, next()?, next()?],
                metrics: [next()?, next()?, next()?, next()?],
                nats: next()?,
            })
        }
    }
}

fn used_before(file: &ClusterFile) -> Option<Addresses> {
    let port = |url: &String| url.rsplit(':').next()?.parse::<u16>().ok();
    let mut addresses = Addresses {
        grpc: [0; SERVICES.len()],
        metrics: [0; SERVICES.len()],
        nats: port(&file.nats)?,
    };
    for (place, service) in SERVICES.into_iter().enumerate() {
        addresses.grpc[place] = port(file.services.get(service)?)?;
        addresses.metrics[place] = port(file.metrics.get(service)?)?;
    }
    Some(addresses)
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
        let first = choose(Ports::Free, &home).unwrap();
        let distinct: BTreeSet<u16> = first.all().map(|(_, port)| port).collect();
        assert_eq!(distinct.len(), 9);
        ClusterFile::new("shop", &first).write(&home).unwrap();
        assert_eq!(choose(Ports::Free, &home).unwrap(), first);
        std::fs::remove_dir_all(&home).unwrap();
    }
}
