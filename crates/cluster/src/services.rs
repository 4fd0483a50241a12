//! The four services: configuration, start, readiness.

use std::{
    fmt::Write as _,
    fs,
    path::Path,
    time::{Duration, Instant},
};

use tokio::process::Command;

use crate::{
    ClusterError, PATIENCE, Programs, SERVICES, keys, ports::Addresses, process::Process,
    replica::Replica,
};

/// Writes the service's TOML file; `further` settings go over ours.
pub(crate) fn write_config(
    replica: Replica,
    home: &Path,
    store: &str,
    addresses: &Addresses,
    further: &[(String, String)],
) -> Result<(), ClusterError> {
    let Replica {
        service,
        number,
        program,
    } = replica;
    let path = |name: &str| home.join(name).display().to_string();
    let mut settings = vec![
        (
            "listen".to_owned(),
            format!("127.0.0.1:{}", addresses.grpc(service, number)),
        ),
        (
            "metrics_listen".to_owned(),
            format!("127.0.0.1:{}", addresses.metrics(service, number)),
        ),
        ("store".to_owned(), store.to_owned()),
        ("ready_file".to_owned(), path(&format!("{program}.ready"))),
        ("shutdown_timeout".to_owned(), "20s".to_owned()),
        (
            "nats.url".to_owned(),
            format!("nats://127.0.0.1:{}", addresses.nats),
        ),
        ("nats.user".to_owned(), service.to_owned()),
        (
            "nats.password_file".to_owned(),
            path(&format!("keys/nats-{service}.password")),
        ),
        ("nats.inbox_prefix".to_owned(), format!("_INBOX_{service}")),
        ("auth.jwks_file".to_owned(), path("keys/jwks.json")),
        ("auth.signing_key_file".to_owned(), path("keys/issuer.pem")),
    ];
    for peer in SERVICES.into_iter().filter(|peer| *peer != service) {
        settings.push((format!("peers.{peer}"), addresses.grpc_list(peer)));
    }
    if service == "intake" {
        settings.push(("keys.master_key_file".to_owned(), path("keys/master.key")));
    }
    for (key, value) in further {
        settings.retain(|(known, _)| known != key);
        settings.push((key.clone(), value.clone()));
    }
    let mut text =
        "# Written at every start of the cluster. See docs/CONFIGURATION.md.\n".to_owned();
    for (key, value) in settings {
        // A dotted key of TOML is a section and a name; a Rust string literal without escapes beyond the basic ones is one of TOML.
        let _ = writeln!(text, "{key} = {value:?}");
    }
    keys::write_secret(&home.join(format!("config/{program}.toml")), &text)
}

pub(crate) fn command(
    replica: Replica,
    programs: &Programs,
    home: &Path,
) -> Result<Command, ClusterError> {
    let mut command = Process::command(&programs.service(replica.service)?);
    command
        .arg("--config")
        .arg(home.join(format!("config/{}.toml", replica.program)));
    Ok(command)
}

/// Waits until the service has written its ready file, which [`Process`] removes before each start.
pub(crate) async fn wait_until_ready(process: &Process, home: &Path) -> Result<(), ClusterError> {
    let ready = home.join(format!("{}.ready", process.name()));
    let end = Instant::now() + PATIENCE;
    while Instant::now() < end {
        if process.pid().is_some() && fs::metadata(&ready).is_ok_and(|file| file.len() > 0) {
            return Ok(());
        }
        if process.failed_starts() >= 5 {
            return Err(process.not_ready("ends again and again"));
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    Err(process.not_ready("did not become ready"))
}
