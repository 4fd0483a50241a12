//! nats-server: configuration, start, readiness.

use std::{
    fmt::Write as _,
    path::Path,
    time::{Duration, Instant},
};

use tokio::{net::TcpStream, process::Command};

use crate::{
    ClusterError, PATIENCE, Programs, SERVICES,
    keys::{self, Keys, OPERATOR, WAREHOUSE},
    ports::Addresses,
    process::Process,
};

/// Streams that a service may make: one for each partition of its log, up to this many.
const PARTITIONS: u32 = 16;

/// Writes `nats.conf` with a user for each service, one for operators and one for a warehouse system, each with the permissions
/// it needs and no others.
pub(crate) fn write_config(
    home: &Path,
    addresses: &Addresses,
    keys: &Keys,
) -> Result<(), ClusterError> {
    let mut users = String::new();
    for service in SERVICES {
        let mut publish = vec![
            format!("ordo.{service}.>"),
            "$JS.API.INFO".to_owned(),
            "$JS.API.STREAM.NAMES".to_owned(),
            "$JS.API.STREAM.INFO.*".to_owned(),
            "$JS.API.STREAM.MSG.GET.*".to_owned(),
            "$JS.API.DIRECT.GET.>".to_owned(),
            "$JS.API.CONSUMER.>".to_owned(),
            "$JS.ACK.>".to_owned(),
            "$JS.FC.>".to_owned(),
        ];
        for partition in 0..PARTITIONS {
            for verb in ["CREATE", "UPDATE", "DELETE"] {
                publish.push(format!(
                    "$JS.API.STREAM.{verb}.{}",
                    stream(service, partition)
                ));
            }
        }
        let subscribe = ["_INBOX.>".to_owned(), format!("_INBOX_{service}.>")];
        user(
            &mut users,
            service,
            &keys.password(service)?,
            &publish,
            &subscribe,
        );
    }
    let everything = [">".to_owned()];
    user(
        &mut users,
        OPERATOR,
        &keys.password(OPERATOR)?,
        &everything,
        &everything,
    );
    let mut publish = Vec::new();
    for partition in 0..PARTITIONS {
        let stream = stream("fulfilment", partition);
        publish.push(format!("$JS.API.CONSUMER.INFO.{stream}.{WAREHOUSE}"));
        publish.push(format!("$JS.API.CONSUMER.MSG.NEXT.{stream}.{WAREHOUSE}"));
        publish.push(format!("$JS.ACK.{stream}.{WAREHOUSE}.>"));
    }
    let subscribe = [format!("_INBOX_{WAREHOUSE}.>")];
    user(
        &mut users,
        WAREHOUSE,
        &keys.password(WAREHOUSE)?,
        &publish,
        &subscribe,
    );

    let text = format!(
        "# Written at every start of the cluster.\n\
         listen: \"127.0.0.1:{port}\"\n\
         server_name: ordo\n\
         max_payload: 8MB\n\
         jetstream {{\n  \
           store_dir: {store:?}\n  \
           max_memory_store: 64MB\n  \
           max_file_store: 1TB\n  \
           # Every acknowledged message survives a power cut.\n  \
           sync_interval: always\n\
         }}\n\
         authorization {{\n  users: [\n{users}  ]\n}}\n",
        port = addresses.nats,
        store = home.join("nats"),
    );
    keys::write_secret(&home.join("config/nats.conf"), &text)
}

fn stream(service: &str, partition: u32) -> String {
    format!("ORDO_{}_{partition}", service.to_ascii_uppercase())
}

fn user(users: &mut String, name: &str, password: &str, publish: &[String], subscribe: &[String]) {
    let list = |subjects: &[String]| {
        subjects
            .iter()
            .map(|s| format!("{s:?}"))
            .collect::<Vec<_>>()
            .join(", ")
    };
    let _ = writeln!(
        users,
        "    {{ user: {name:?}, password: {password:?}, permissions: {{ publish: [{}], subscribe: [{}] }} }}",
        list(publish),
        list(subscribe)
    );
}

pub(crate) fn command(programs: &Programs, home: &Path) -> Command {
    let mut command = Process::command(&programs.nats_server);
    command.arg("--config").arg(home.join("config/nats.conf"));
    command
}

/// Waits until the broker takes connections and greets, which it does once JetStream has recovered.
pub(crate) async fn wait_until_listening(
    process: &Process,
    address: &str,
) -> Result<(), ClusterError> {
    let address = address.trim_start_matches("nats://");
    let end = Instant::now() + PATIENCE;
    while Instant::now() < end {
        if process.pid().is_some() && greets(address).await {
            return Ok(());
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    Err(process.not_ready("does not take connections"))
}

async fn greets(address: &str) -> bool {
    use tokio::io::AsyncReadExt as _;
    let Ok(mut stream) = TcpStream::connect(address).await else {
        return false;
    };
    let mut greeting = [0; 5];
    stream.read_exact(&mut greeting).await.is_ok() && &greeting == b"INFO "
}
