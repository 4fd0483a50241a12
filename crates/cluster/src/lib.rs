//! A whole cluster on one machine: keys, configuration, nats-server and the four services as processes.
//!
//! `ordo up`, `ordo demo` and the scenario tests start the same processes in the same way. Everything lies in one folder:
//!
//! | path | what |
//! |---|---|
//! | `cluster.json` | addresses, for clients |
//! | `keys/` | signing key, key set, master key, tokens, passwords of the broker's users; made at the first start |
//! | `config/` | one TOML file for each service, and `nats.conf` |
//! | `data/` | SQLite databases (not with `--store postgres://…`) |
//! | `nats/` | the broker's store |
//! | `logs/` | what each process prints; 32 MiB at most, and as much again of what was before |
//!
//! Nothing is started with its checks off: tokens, the broker's users and the sealing of personal data work as in production, with
//! keys that are made on the spot.

mod broker;
mod description;
mod error;
mod keys;
mod ports;
mod process;
mod programs;
mod replica;
mod services;

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

pub use description::ClusterFile;
pub use error::ClusterError;
pub use keys::Keys;
pub use ports::Ports;
pub use process::{Line, Lines};
pub use programs::Programs;
pub use replica::MOST_REPLICAS;

use process::Process;

/// The services, in the order in which they start.
pub const SERVICES: [&str; 4] = ["intake", "inventory", "fulfilment", "aftersales"];
/// Name of the broker among the programs.
pub const BROKER: &str = "nats";
/// How long a program may take to become ready, and all of them to stop.
const PATIENCE: Duration = Duration::from_secs(60);

/// What to start.
#[derive(Debug, Clone)]
pub struct ClusterOptions {
    /// Folder of the cluster; made when it is not there.
    pub home: PathBuf,
    /// `postgres://…`, or `None` for SQLite in the folder.
    pub store: Option<String>,
    /// Tenant that clients act for unless told otherwise.
    pub tenant: String,
    /// Which addresses to take.
    pub ports: Ports,
    /// Where the programs are.
    pub programs: Programs,
    /// Further settings of every service, by key of docs/CONFIGURATION.md.
    pub settings: Vec<(String, String)>,
}

/// A running cluster. Dropping it kills its processes; [`stop`](Self::stop) ends them in order.
#[derive(Debug)]
pub struct Cluster {
    file: ClusterFile,
    home: PathBuf,
    keys: Keys,
    processes: BTreeMap<&'static str, Process>,
    /// Held as long as the cluster runs; the system lets it go however this process ends.
    _lock: fs::File,
}

/// Takes the folder for one cluster at a time.
fn lock(home: &Path) -> Result<fs::File, ClusterError> {
    let path = home.join("lock");
    let file = fs::File::create(&path).map_err(|source| ClusterError::file(&path, source))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(fs::TryLockError::WouldBlock) => Err(ClusterError::Running {
            home: home.to_owned(),
        }),
        Err(fs::TryLockError::Error(source)) => Err(ClusterError::file(&path, source)),
    }
}

impl Cluster {
    /// Makes keys and configuration where they are missing, starts everything and waits until it is ready. What the processes
    /// print goes to `lines` as well as to their log files.
    pub async fn start(options: ClusterOptions, lines: Lines) -> Result<Self, ClusterError> {
        Self::start_replicated(options, 1, lines).await
    }

    /// As [`start`](Self::start), with several processes of each service, which needs Postgres. Programs of the further ones are
    /// named `intake-2`, `intake-3` and so on.
    pub async fn start_replicated(
        options: ClusterOptions,
        replicas: usize,
        lines: Lines,
    ) -> Result<Self, ClusterError> {
        replica::check(replicas, options.store.as_deref())?;
        for folder in ["keys", "config", "data", "nats", "logs"] {
            let path = options.home.join(folder);
            fs::create_dir_all(&path).map_err(|source| ClusterError::file(&path, source))?;
        }
        let home = options
            .home
            .canonicalize()
            .map_err(|source| ClusterError::file(&options.home, source))?;
        let lock = lock(&home)?;
        let keys = Keys::read_or_create(&home.join("keys"), &options.tenant)?;
        let addresses = ports::choose_after_the_last(options.ports, replicas, &home).await?;
        broker::write_config(&home, &addresses, &keys)?;
        let store = options
            .store
            .clone()
            .unwrap_or_else(|| format!("sqlite://{}", home.join("data").display()));
        for replica in replica::all(replicas) {
            services::write_config(replica, &home, &store, &addresses, &options.settings)?;
        }
        let file = ClusterFile::new(&options.tenant, &addresses);
        let lines = Arc::new(lines);
        let mut processes = BTreeMap::new();
        let nats = broker::command(&options.programs, &home);
        processes.insert(
            BROKER,
            Process::new(BROKER, nats, &home, Arc::clone(&lines)),
        );
        for replica in replica::all(replicas) {
            let command = services::command(replica, &options.programs, &home)?;
            processes.insert(
                replica.program,
                Process::new(replica.program, command, &home, Arc::clone(&lines)),
            );
        }
        let cluster = Self {
            file,
            home,
            keys,
            processes,
            _lock: lock,
        };
        cluster.process(BROKER)?.start();
        cluster.wait_until_ready(BROKER).await?;
        for replica in replica::all(replicas) {
            cluster.process(replica.program)?.start();
        }
        for replica in replica::all(replicas) {
            cluster.wait_until_ready(replica.program).await?;
        }
        cluster.file.write(&cluster.home)?;
        Ok(cluster)
    }

    /// Addresses, for clients.
    pub fn file(&self) -> &ClusterFile {
        &self.file
    }

    /// The cluster's folder.
    pub fn home(&self) -> &std::path::Path {
        &self.home
    }

    /// The cluster's keys: to sign further tokens, to reach the broker.
    pub fn keys(&self) -> &Keys {
        &self.keys
    }

    /// Process id of a program, when it runs.
    pub fn pid(&self, program: &str) -> Result<Option<u32>, ClusterError> {
        Ok(self.process(program)?.pid())
    }

    /// Kills a program with SIGKILL. It comes back by itself.
    pub fn kill(&self, program: &str) -> Result<(), ClusterError> {
        self.process(program)?.kill();
        Ok(())
    }

    /// Kills a program with SIGKILL and keeps it down until [`resume`](Self::resume).
    pub async fn take_down(&self, program: &str) -> Result<(), ClusterError> {
        self.process(program)?.take_down().await
    }

    /// Ends a program with SIGTERM and keeps it down until [`resume`](Self::resume).
    pub async fn drain(&self, program: &str) -> Result<(), ClusterError> {
        self.process(program)?.stop(PATIENCE).await
    }

    /// Starts a program that was taken down and waits until it is ready.
    pub async fn resume(&self, program: &'static str) -> Result<(), ClusterError> {
        self.process(program)?.start();
        self.wait_until_ready(program).await
    }

    /// Waits until a program serves.
    pub async fn wait_until_ready(&self, program: &str) -> Result<(), ClusterError> {
        let process = self.process(program)?;
        if program == BROKER {
            return broker::wait_until_listening(process, &self.file.nats).await;
        }
        services::wait_until_ready(process, &self.home).await
    }

    /// Ends everything in order: services drain first, the broker goes last.
    pub async fn stop(self) -> Result<(), ClusterError> {
        let services = self.processes.iter();
        let services = services
            .filter(|(program, _)| **program != BROKER)
            .map(|(_, process)| process);
        for ended in futures::future::join_all(services.map(|process| process.stop(PATIENCE))).await
        {
            ended?;
        }
        self.process(BROKER)?.stop(PATIENCE).await
    }

    fn process(&self, program: &str) -> Result<&Process, ClusterError> {
        self.processes
            .get(program)
            .ok_or_else(|| ClusterError::NoProgram(program.to_owned()))
    }
}
