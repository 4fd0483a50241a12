//! One cluster with everything that can be done to it: proxies, small disks, programs whose fsync fails.

use std::{
    convert::Infallible,
    fs,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    sync::{Arc, atomic::AtomicU64},
    time::{Duration, Instant},
};

use ordo_cluster::{BROKER, Cluster, ClusterOptions, Lines, Ports, Programs, SERVICES};
use ordo_rpc::{Remote, RemoteSettings, TokenSource};
use ordo_scenarios::TENANT;
use ordo_testkit::{Postgres, PostgresOptions};
use rustix::process::{Pid, Signal, kill_process};

use crate::{
    error::{ChaosError, Context as _},
    files::{self, SmallDisk},
    load::Shop,
    proxy::{Mode, Proxy, Upstream},
};

/// Megabytes of the disk below SQLite's databases, below the broker and below Postgres.
const DISKS: [(&str, u32); 3] = [("data", 320), ("nats", 96), ("pg", 400)];
/// How long anything may take to come back when nothing is wrong any more.
const PATIENCE: Duration = Duration::from_secs(120);

/// Which databases.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Store {
    /// Files.
    Sqlite,
    /// A server of the cluster's own.
    Postgres,
}

/// What is wrong at the moment and must be put right.
#[derive(Debug)]
pub enum Wrong {
    /// A program is down.
    Down(&'static str),
    /// Processes are stopped.
    Frozen(Vec<Pid>),
    /// Connections suffer.
    Link(usize),
    /// A disk is full.
    Full(PathBuf),
    /// A program's fsync fails; it must be started anew when it is the broker.
    NoSync(PathBuf, Option<&'static str>),
    /// Postgres is down.
    DatabaseDown,
}

/// The cluster.
pub struct World {
    /// The four services and the broker.
    pub cluster: Cluster,
    /// Before the four services, the broker, and Postgres.
    pub proxies: Vec<Proxy>,
    /// The database server, when there is one.
    pub postgres: Option<Postgres>,
    /// Its database, past the proxy.
    pub database: Option<String>,
    /// Where everything is.
    pub folder: PathBuf,
    /// Clients.
    pub shop: Arc<Shop>,
    /// Whether disks are small enough to be filled.
    pub small_disks: Vec<SmallDisk>,
    /// Past the proxies, for checks.
    pub direct: Remote,
    /// Past the proxies, for what only operators see.
    pub operator: Remote,
    /// Backups so far.
    pub backups: AtomicU64,
}

impl World {
    /// Starts a cluster in `folder`, with disks in memory if `small`.
    pub async fn start(
        folder: &Path,
        native: &Path,
        programs: &Programs,
        store: Store,
        small: bool,
    ) -> Result<Self, ChaosError> {
        fs::create_dir_all(folder).context("making", folder)?;
        let mut small_disks = Vec::new();
        if small {
            for (name, megabytes) in DISKS {
                if name != "pg" || store == Store::Postgres {
                    small_disks.extend(SmallDisk::mount(&folder.join(name), megabytes));
                }
            }
        }
        let mut proxies = Vec::new();
        for _ in 0..SERVICES.len() + 2 {
            proxies.push(Proxy::listen().await?);
        }
        let (postgres, url, database) = match store {
            Store::Sqlite => (None, None, None),
            Store::Postgres => {
                let (server, socket, name) = start_postgres(folder, native).await?;
                proxies[5].lead_to(Upstream::Socket(socket));
                let url = format!(
                    "postgres://postgres@127.0.0.1:{}/{name}?sslmode=disable",
                    proxies[5].port
                );
                let direct = server.url_of(&name);
                (Some(server), Some(url), Some(direct))
            }
        };
        let mut settings = vec![(
            "nats.url".to_owned(),
            format!("nats://127.0.0.1:{}", proxies[4].port),
        )];
        for (service, proxy) in SERVICES.iter().zip(&proxies) {
            settings.push((
                format!("peers.{service}"),
                format!("http://127.0.0.1:{}", proxy.port),
            ));
        }
        let starting = Cluster::start(
            ClusterOptions {
                home: folder.to_owned(),
                store: url,
                tenant: TENANT.to_owned(),
                ports: Ports::Free,
                programs: wrap(folder, native, programs)?,
                settings,
            },
            Lines::ignored(),
        );
        // Services look for each other and for the broker while they start.
        let cluster = tokio::select! {
            started = starting => started?,
            never = lead(&proxies, folder) => match never {},
        };
        let through = SERVICES
            .iter()
            .zip(&proxies)
            .map(|(service, proxy)| {
                (
                    (*service).to_owned(),
                    format!("http://127.0.0.1:{}", proxy.port),
                )
            })
            .collect();
        let clients = remote(through, cluster.keys().admin())?;
        let peers = &cluster.file().services;
        let direct = remote(peers.clone(), cluster.keys().admin())?;
        let operator = remote(peers.clone(), cluster.keys().operator())?;
        Ok(Self {
            cluster,
            proxies,
            postgres,
            database,
            folder: folder.to_owned(),
            shop: Arc::new(Shop::new(clients)),
            small_disks,
            direct,
            operator,
            backups: AtomicU64::new(0),
        })
    }

    /// The address of the services' databases, past the proxy.
    pub fn store(&self) -> String {
        self.database
            .clone()
            .unwrap_or_else(|| format!("sqlite://{}", self.folder.join("data").display()))
    }

    /// Puts one thing right. What it needs may itself be wrong at the moment: then [`heal`](Self::heal) does it in the end.
    pub async fn right(&self, wrong: Wrong) -> Result<(), ChaosError> {
        match wrong {
            Wrong::Down(program) => {
                // Not ready before its database is, say; that is seen in the end.
                let _ = tokio::time::timeout(Duration::from_secs(2), self.cluster.resume(program))
                    .await;
            }
            Wrong::Frozen(processes) => {
                for process in processes {
                    // It may have been killed meanwhile.
                    let _ = kill_process(process, Signal::CONT);
                }
            }
            Wrong::Link(link) => self.proxies[link].set(Mode::Open),
            Wrong::Full(disk) => files::empty(&disk),
            Wrong::NoSync(switch, program) => {
                // It may have been switched off already.
                let _ = fs::remove_file(switch);
                if let Some(program) = program {
                    self.cluster.take_down(program).await?;
                    let _ =
                        tokio::time::timeout(Duration::from_secs(2), self.cluster.resume(program))
                            .await;
                }
            }
            Wrong::DatabaseDown => {
                if let Some(postgres) = &self.postgres {
                    postgres.restart().await?;
                }
            }
        }
        Ok(())
    }

    /// Starts Postgres when it has ended, as its supervisor would: it does when even its recovery cannot sync.
    pub async fn raise_database(&self) -> Result<(), ChaosError> {
        if let Some(postgres) = &self.postgres
            && !postgres.is_running()
        {
            postgres.restart().await?;
        }
        Ok(())
    }

    /// Nothing is wrong any more, and everything runs and is ready.
    pub async fn heal(&self) -> Result<(), ChaosError> {
        for proxy in &self.proxies {
            proxy.set(Mode::Open);
        }
        self.raise_database().await?;
        let programs = [BROKER].into_iter().chain(SERVICES);
        for program in programs {
            let end = Instant::now() + PATIENCE;
            loop {
                // One that gave up starting while its database was away gets another chance.
                let ready = match self.cluster.pid(program)? {
                    Some(_) => self.cluster.wait_until_ready(program).await,
                    None => self.cluster.resume(program).await,
                };
                match ready {
                    Ok(()) => break,
                    Err(_) if Instant::now() < end => self.cluster.resume(program).await?,
                    Err(error) => return Err(error.into()),
                }
            }
        }
        Ok(())
    }
}

/// Lets the proxies lead to the ports that the cluster chooses, as soon as it has written them down. Does not end.
async fn lead(proxies: &[Proxy], folder: &Path) -> Infallible {
    let files = SERVICES.map(|service| format!("{service}.toml"));
    let files = files.iter().map(String::as_str).chain(["nats.conf"]);
    for (file, proxy) in files.zip(proxies) {
        let path = folder.join("config").join(file);
        loop {
            if let Some(port) = fs::read_to_string(&path).ok().as_deref().and_then(listens) {
                proxy.lead_to(Upstream::Port(port));
                break;
            }
            tokio::time::sleep(Duration::from_millis(5)).await; // Not a wait: the pause of a polling loop.
        }
    }
    std::future::pending().await
}

/// The port in `listen = "127.0.0.1:7701"` or `listen: "127.0.0.1:7721"`.
fn listens(config: &str) -> Option<u16> {
    let line = config.lines().find(|line| line.starts_with("listen"))?;
    let (_, port) = line.trim_end().trim_end_matches('"').rsplit_once(':')?;
    port.parse().ok()
}

fn remote(
    peers: std::collections::BTreeMap<String, String>,
    tokens: TokenSource,
) -> Result<Remote, ChaosError> {
    let settings = RemoteSettings {
        peers,
        timeout: Duration::from_secs(20),
        ..RemoteSettings::default()
    };
    Remote::new(settings, tokens).map_err(|error| ChaosError::failed("connecting", error))
}

async fn start_postgres(
    folder: &Path,
    native: &Path,
) -> Result<(Postgres, PathBuf, String), ChaosError> {
    let parent = folder.join("pg");
    fs::create_dir_all(&parent).context("making", &parent)?;
    // Another user runs it, and looks for its switch.
    for path in [folder, &parent, native] {
        fs::set_permissions(path, fs::Permissions::from_mode(0o755)).context("opening", path)?;
    }
    let server = Postgres::start_with(PostgresOptions {
        parent,
        environment: vec![
            (
                "LD_PRELOAD".to_owned(),
                native.join("failing_sync.so").display().to_string(),
            ),
            (
                "ORDO_FAIL_SYNC".to_owned(),
                switch(folder, "postgres").display().to_string(),
            ),
        ],
        settings: [
            "max_wal_size=64MB",
            "min_wal_size=32MB",
            "wal_recycle=off",
            "max_connections=200",
            "shared_buffers=32MB",
        ]
        .map(str::to_owned)
        .to_vec(),
    })
    .await?;
    let url = server.fresh_database().await?;
    let socket = server.folder().join(".s.PGSQL.5432");
    let name = url
        .split("localhost/")
        .nth(1)
        .and_then(|rest| rest.split('?').next())
        .unwrap_or_default()
        .to_owned();
    Ok((server, socket, name))
}

/// The file whose presence makes a program's fsync fail.
pub fn switch(folder: &Path, program: &str) -> PathBuf {
    folder.join(format!("no-sync-{program}"))
}

/// Programs in the cluster's own folder that start the real ones with the means to fail.
fn wrap(folder: &Path, native: &Path, programs: &Programs) -> Result<Programs, ChaosError> {
    let bin = folder.join("bin");
    fs::create_dir_all(&bin).context("making", &bin)?;
    for service in SERVICES {
        let script = format!(
            "#!/bin/sh\nexport LD_PRELOAD='{}' ORDO_FAIL_SYNC='{}'\nexec '{}' \"$@\"\n",
            native.join("failing_sync.so").display(),
            switch(folder, service).display(),
            programs.services.join(format!("ordo-{service}")).display(),
        );
        write_program(&bin.join(format!("ordo-{service}")), &script)?;
    }
    let nats_server = bin.join("nats-server");
    let real = programs.nats_server.display();
    let script = format!(
        "#!/bin/sh\n[ -e '{}' ] && exec '{}' '{real}' \"$@\"\nexec '{real}' \"$@\"\n",
        switch(folder, BROKER).display(),
        native.join("without_sync").display(),
    );
    write_program(&nats_server, &script)?;
    Ok(Programs {
        services: bin,
        nats_server,
    })
}

fn write_program(path: &Path, text: &str) -> Result<(), ChaosError> {
    fs::write(path, text).context("writing", path)?;
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).context("opening", path)
}
