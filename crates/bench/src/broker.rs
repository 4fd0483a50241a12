//! A nats-server for one benchmark.

use std::{
    path::Path,
    process::Stdio,
    time::{Duration, Instant},
};

use ordo_bus::{Bus, BusConfig};
use ordo_cluster::Programs;
use tempfile::TempDir;
use tokio::process::{Child, Command};

use crate::error::{BenchError, During as _};

const PATIENCE: Duration = Duration::from_secs(30);

/// A nats-server in a temporary folder with `sync_interval: always`; it ends with its handle or with this process.
#[derive(Debug)]
pub struct PrivateBroker {
    server: Child,
    url: String,
    _folder: TempDir,
}

impl PrivateBroker {
    /// Starts one. It is looked for as `ordo up` looks for it.
    pub async fn start() -> Result<Self, BenchError> {
        let program = Programs::find().during("looking for nats-server")?;
        let folder = tempfile::Builder::new()
            .prefix("ordo-bench-nats-")
            .tempdir()
            .during("making a folder for nats-server")?;
        let config = folder.path().join("nats.conf");
        let text = format!(
            "listen: \"127.0.0.1:-1\"\nports_file_dir: {ports:?}\nmax_payload: 8MB\n\
             jetstream {{ store_dir: {store:?}, max_file_store: 1TB, sync_interval: always }}\n",
            ports = folder.path(),
            store = folder.path().join("store"),
        );
        std::fs::write(&config, text).during("writing the broker's configuration")?;
        let mut server = command(&program.nats_server)
            .arg("--config")
            .arg(&config)
            .spawn()
            .during("starting nats-server")?;
        let end = Instant::now() + PATIENCE;
        let url = loop {
            if let Some(url) = listening(folder.path()) {
                break url;
            }
            if let Some(status) = server.try_wait().during("looking after nats-server")? {
                return Err(BenchError::Wrong(format!(
                    "nats-server ended with {status}"
                )));
            }
            if Instant::now() >= end {
                return Err(BenchError::Wrong(
                    "nats-server does not listen after 30 s".to_owned(),
                ));
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        };
        Ok(Self {
            server,
            url,
            _folder: folder,
        })
    }

    /// A connection whose streams and subjects begin with `prefix`.
    pub async fn bus(&self, prefix: &str) -> Result<Bus, BenchError> {
        let mut config = BusConfig::new(&self.url);
        config.prefix = prefix.to_owned();
        Bus::connect(config)
            .await
            .during("connecting to the broker")
    }

    /// A bare connection.
    pub async fn client(&self) -> Result<async_nats::Client, BenchError> {
        async_nats::connect(&self.url)
            .await
            .during("connecting to the broker")
    }

    /// Process id, as long as it runs.
    pub fn pid(&self) -> Option<u32> {
        self.server.id()
    }
}

/// The address in the ports file, once the server has written it whole.
fn listening(folder: &Path) -> Option<String> {
    let file = std::fs::read_dir(folder)
        .ok()?
        .flatten()
        .map(|entry| entry.path())
        .find(|path| path.extension().is_some_and(|end| end == "ports"))?;
    let text = std::fs::read(file).ok()?;
    let ports: serde_json::Value = serde_json::from_slice(&text).ok()?;
    let url = ports.get("nats")?.get(0)?.as_str()?;
    Some(url.to_owned())
}

/// A command that dies with this process where util-linux is installed.
fn command(program: &Path) -> Command {
    let setpriv = Path::new("/usr/bin/setpriv");
    let mut command = if setpriv.is_file() {
        let mut command = Command::new(setpriv);
        command.args(["--pdeathsig", "TERM", "--"]).arg(program);
        command
    } else {
        Command::new(program)
    };
    command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .process_group(0)
        .kill_on_drop(true);
    command
}
