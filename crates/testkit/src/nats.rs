//! A nats-server of a test's own.

use std::{
    fmt::Write as _,
    fs::{self, File},
    path::{Path, PathBuf},
    process::Command,
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use rustix::process::{Resource, Rlimit};
use tempfile::TempDir;

use crate::{
    locate,
    server::{IoContext, Process, ServerError, tail},
};

const START_DEADLINE: Duration = Duration::from_secs(20);

/// Someone who may log in, and what they may do. Empty lists allow everything.
#[derive(Clone, Debug, Default)]
pub struct NatsUser {
    /// Log-in name.
    pub name: String,
    /// Password, in clear.
    pub password: String,
    /// Subjects that may be published to.
    pub publish: Vec<String>,
    /// Subjects that may be subscribed to.
    pub subscribe: Vec<String>,
}

/// How the server is set up.
#[derive(Clone, Debug, Default)]
pub struct NatsOptions {
    /// Users; with none, anybody may do anything.
    pub users: Vec<NatsUser>,
    /// More lines for the configuration file.
    pub extra: String,
}

/// A nats-server with JetStream on a free port, with `sync_interval: always`, in a folder of its own. Stops on drop.
#[derive(Debug)]
pub struct Nats {
    program: PathBuf,
    options: NatsOptions,
    folder: TempDir,
    port: u16,
    process: Mutex<Option<Process>>,
}

impl Nats {
    /// Starts a server that lets anybody do anything.
    pub async fn start() -> Result<Self, ServerError> {
        Self::start_with(NatsOptions::default()).await
    }

    /// Starts a server.
    pub async fn start_with(options: NatsOptions) -> Result<Self, ServerError> {
        let folder = tempfile::Builder::new()
            .prefix("ordo-nats-")
            .tempdir()
            .context(|| "making a folder for nats-server".into())?;
        let mut nats = Self {
            program: locate::nats_server()?,
            options,
            folder,
            port: 0,
            process: Mutex::new(None),
        };
        nats.port = nats.launch().await?;
        Ok(nats)
    }

    /// Address for clients without a user, for example `nats://127.0.0.1:4222`. The same after a restart.
    pub fn url(&self) -> String {
        format!("nats://127.0.0.1:{}", self.port)
    }

    /// Whether the process runs.
    pub fn is_running(&self) -> bool {
        self.process()
            .as_mut()
            .is_some_and(|process| process.ended().is_none())
    }

    /// SIGKILL: nothing is flushed, no client is told.
    pub fn kill(&self) -> Result<(), ServerError> {
        let process = self.process().take();
        process.map_or(Ok(()), Process::kill)
    }

    /// Starts the server again (killing it first if it runs) on the same port and store.
    pub async fn restart(&self) -> Result<(), ServerError> {
        self.kill()?;
        self.launch().await.map(|_| ())
    }

    /// Where the server keeps its streams. Copy it or put an older copy back while the server is down.
    pub fn store_dir(&self) -> PathBuf {
        self.folder.path().join("store")
    }

    /// Removes everything that the server has stored, as a broken disk would. The server must be down.
    pub fn wipe_store(&self) -> Result<(), ServerError> {
        remove(&self.store_dir())
    }

    /// Copies the store to `to`. The server must be down.
    pub fn save_store(&self, to: &Path) -> Result<(), ServerError> {
        copy(&self.store_dir(), to).context(|| "copying the store".into())
    }

    /// Puts a copy made with [`save_store`](Self::save_store) back. The server must be down.
    pub fn restore_store(&self, from: &Path) -> Result<(), ServerError> {
        self.wipe_store()?;
        copy(from, &self.store_dir()).context(|| "restoring the store".into())
    }

    /// No file of the server can grow beyond so many bytes, as on a disk that is full; `None`: any can. The server must run.
    pub fn limit_files(&self, bytes: Option<u64>) -> Result<(), ServerError> {
        let limit = Rlimit {
            current: bytes,
            maximum: None,
        };
        let process = self.process();
        let pid = process.as_ref().and_then(Process::pid);
        let set = match pid {
            Some(pid) => rustix::process::prlimit(Some(pid), Resource::Fsize, limit),
            None => Err(rustix::io::Errno::SRCH),
        };
        set.map(|_| ())
            .map_err(Into::into)
            .context(|| "limiting the files of nats-server".into())
    }

    /// The server's log so far.
    pub fn log(&self) -> String {
        fs::read_to_string(self.log_file()).unwrap_or_default()
    }

    fn process(&self) -> MutexGuard<'_, Option<Process>> {
        self.process.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn log_file(&self) -> PathBuf {
        self.folder.path().join("nats.log")
    }

    /// Runs the server and waits until it serves. Port 0 takes a free one: the server itself picks it and says which,
    /// so no other process can take it in between. A given port is retried while somebody else has it.
    async fn launch(&self) -> Result<u16, ServerError> {
        let configuration = self.folder.path().join("nats.conf");
        fs::write(&configuration, self.configuration())
            .context(|| "writing the configuration of nats-server".into())?;
        let end = Instant::now() + START_DEADLINE;
        loop {
            let mut process = self.spawn(&configuration)?;
            let said = self
                .folder
                .path()
                .join(format!("nats-server_{}.ports", process.id()));
            while Instant::now() < end && process.ended().is_none() {
                if let Some(port) = fs::read_to_string(&said).ok().as_deref().and_then(port_in) {
                    *self.process() = Some(process);
                    return Ok(port);
                }
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
            if Instant::now() >= end || !self.log().contains("address already in use") {
                return Err(ServerError::NotStarted {
                    program: "nats-server",
                    log: tail(&self.log_file()),
                });
            }
        }
    }

    fn spawn(&self, configuration: &Path) -> Result<Process, ServerError> {
        let log = File::create(self.log_file()).context(|| "making the server's log".into())?;
        let errors = log
            .try_clone()
            .context(|| "making the server's log".into())?;
        let mut command = Command::new(&self.program);
        command
            .arg("-c")
            .arg(configuration)
            .stdout(log)
            .stderr(errors);
        Process::start(command, "KILL", self.folder.path())
    }

    fn configuration(&self) -> String {
        let port = match self.port {
            0 => -1,
            port => i32::from(port),
        };
        let mut text = format!(
            "listen: \"127.0.0.1:{port}\"\nports_file_dir: {folder:?}\n\
             jetstream {{ store_dir: {store:?}, sync_interval: always }}\n{extra}\n",
            folder = self.folder.path(),
            store = self.store_dir(),
            extra = self.options.extra,
        );
        if !self.options.users.is_empty() {
            text.push_str("authorization { users: [\n");
            for user in &self.options.users {
                let _ = writeln!(text, "  {}", user_entry(user));
            }
            text.push_str("] }\n");
        }
        text
    }
}

impl Drop for Nats {
    fn drop(&mut self) {
        let _ = self.kill();
    }
}

fn user_entry(user: &NatsUser) -> String {
    let mut permissions = String::new();
    for (kind, subjects) in [("publish", &user.publish), ("subscribe", &user.subscribe)] {
        if !subjects.is_empty() {
            let _ = write!(permissions, "{kind}: {subjects:?}, ");
        }
    }
    format!(
        "{{ user: {:?}, password: {:?}, permissions: {{ {permissions}}} }}",
        user.name, user.password
    )
}

/// From `{"nats":["nats://127.0.0.1:4222"]}`; `None` while the file is half written.
fn port_in(said: &str) -> Option<u16> {
    let (_, rest) = said.split_once("nats://127.0.0.1:")?;
    let (port, _) = rest.split_once('"')?;
    port.parse().ok()
}

fn remove(folder: &Path) -> Result<(), ServerError> {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(error).context(|| format!("removing {}", folder.display()))
        }
        _ => Ok(()),
    }
}

fn copy(from: &Path, to: &Path) -> std::io::Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy(&entry.path(), &target)?;
        } else {
            fs::copy(entry.path(), target)?;
        }
    }
    Ok(())
}
