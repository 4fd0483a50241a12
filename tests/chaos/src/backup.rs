//! Backups, and going back to them.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    sync::atomic::Ordering,
    time::Instant,
};

use ordo_cluster::{BROKER, SERVICES};
use ordo_event_log::{EventLog, EventLogConfig};
use ordo_sql::StoreUrl;
use rustix::process::{Signal, kill_process};

use crate::{
    error::{ChaosError, Context as _},
    files,
    inject::process,
    schedule::{Fault, Planned},
    world::World,
};

/// Not part of a service's ordinary backup: keys have their own, and the audit only grows.
const APART: [&str; 2] = ["keys", "audit"];

/// A backup of some services.
#[derive(Debug)]
struct Backup {
    /// Everything that a service said before this moment is in it.
    since: Instant,
    folder: PathBuf,
}

/// What was put aside.
#[derive(Debug, Default)]
pub struct Backups {
    /// By the services in it.
    services: BTreeMap<Vec<&'static str>, Backup>,
    broker: Option<PathBuf>,
}

impl Backups {
    /// Puts aside what `planned` will need.
    pub async fn take(&mut self, world: &World, planned: Planned) -> Result<(), ChaosError> {
        let number = world.backups.fetch_add(1, Ordering::Relaxed);
        let folder = world.folder.join(format!("backup-{number}"));
        match planned.fault {
            Fault::OlderBroker => {
                freeze_and_copy(world, &[BROKER], "nats", &folder, |_| true)?;
                self.broker = Some(folder);
            }
            Fault::RestoredService => {
                let service = SERVICES[planned.target % SERVICES.len()];
                self.back_up(world, &[service], folder).await?;
            }
            Fault::RestoredAll => self.back_up(world, &SERVICES, folder).await?,
            _ => {}
        }
        Ok(())
    }

    async fn back_up(
        &mut self,
        world: &World,
        services: &[&'static str],
        folder: PathBuf,
    ) -> Result<(), ChaosError> {
        let since = Instant::now();
        if let Some(postgres) = &world.postgres {
            fs::create_dir_all(&folder).context("making", &folder)?;
            for service in services {
                let (dump, service) = (folder.join(format!("{service}.sql")), *service);
                let mut command = postgres.client("pg_dump");
                command.arg(format!("--schema={service}_*"));
                for apart in APART {
                    command.arg(format!("--exclude-schema={service}_{apart}"));
                }
                let database = world.database.clone().unwrap_or_default();
                command
                    .arg("--file")
                    .arg(&dump)
                    .arg("--dbname")
                    .arg(database);
                run(command).await?;
            }
        } else {
            freeze_and_copy(world, services, "data", &folder, |file| {
                services.iter().any(|service| belongs(file, service))
            })?;
        }
        self.services
            .insert(services.to_vec(), Backup { since, folder });
        Ok(())
    }

    /// Brings services back to their backup, as an operator would: stop, restore, new epoch, start.
    pub async fn restore(
        &mut self,
        world: &World,
        services: &[&'static str],
    ) -> Result<(), ChaosError> {
        let Some(backup) = self.services.get(services) else {
            return Ok(());
        };
        for service in services {
            world.cluster.take_down(service).await?;
        }
        for service in services {
            match &world.postgres {
                Some(postgres) => {
                    let mut drop = postgres.client("psql");
                    drop.args(["--quiet", "--set=ON_ERROR_STOP=1", "--command"])
                        .arg(drop_schemas(service))
                        .arg(world.database.clone().unwrap_or_default());
                    run(drop).await?;
                    let mut restore = postgres.client("psql");
                    restore
                        .args([
                            "--quiet",
                            "--set=ON_ERROR_STOP=1",
                            "--output=/dev/null",
                            "--file",
                        ])
                        .arg(backup.folder.join(format!("{service}.sql")))
                        .arg(world.database.clone().unwrap_or_default());
                    run(restore).await?;
                }
                None => restore_files(&backup.folder, &world.folder.join("data"), service)?,
            }
            bump_epoch(&world.store(), service).await?;
            world.shop.history.rewound(service, backup.since);
        }
        for service in services {
            world.come_back(service).await;
        }
        Ok(())
    }

    /// The broker's power fails, and what it had not yet written for good is gone.
    pub async fn lose_power(&mut self, world: &World) -> Result<(), ChaosError> {
        let Some(older) = &self.broker else {
            return Ok(());
        };
        world.cluster.take_down(BROKER).await?;
        let store = world.folder.join("nats");
        files::clear(&store)?;
        files::copy(older, &store)?;
        world.come_back(BROKER).await;
        Ok(())
    }
}

/// Stops the programs for as long as copying takes: what is copied is what a power cut at that moment would leave.
fn freeze_and_copy(
    world: &World,
    programs: &[&'static str],
    from: &str,
    to: &Path,
    wanted: impl Fn(&str) -> bool,
) -> Result<(), ChaosError> {
    let mut frozen = Vec::new();
    for program in programs {
        let process = world.cluster.pid(program)?.and_then(process);
        if let Some(process) = process
            && kill_process(process, Signal::STOP).is_ok()
        {
            frozen.push(process);
        }
    }
    let from = world.folder.join(from);
    let copied = files::copy(&from, to);
    for process in frozen {
        let _ = kill_process(process, Signal::CONT);
    }
    copied?;
    for entry in fs::read_dir(to).context("reading", to)?.flatten() {
        let name = entry.file_name();
        if entry.path().is_file() && !wanted(&name.to_string_lossy()) {
            fs::remove_file(entry.path()).context("removing", &entry.path())?;
        }
    }
    Ok(())
}

/// Whether a file is one of the service's databases that go back.
fn belongs(file: &str, service: &str) -> bool {
    let mut parts = file.split('.');
    parts.next() == Some(service)
        && !parts.next().is_some_and(|database| APART.contains(&database))
        // Made anew from the log beside it.
        && !file.ends_with("-shm")
}

fn restore_files(backup: &Path, data: &Path, service: &str) -> Result<(), ChaosError> {
    for entry in fs::read_dir(data).context("reading", data)?.flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        if belongs(&name, service) || belongs(name.trim_end_matches("-shm"), service) {
            fs::remove_file(entry.path()).context("removing", &entry.path())?;
        }
    }
    for entry in fs::read_dir(backup).context("reading", backup)?.flatten() {
        let name = entry.file_name();
        if belongs(&name.to_string_lossy(), service) {
            fs::copy(entry.path(), data.join(&name)).context("restoring", &entry.path())?;
        }
    }
    Ok(())
}

fn drop_schemas(service: &str) -> String {
    let apart: Vec<String> = APART
        .iter()
        .map(|apart| format!("'{service}_{apart}'"))
        .collect();
    format!(
        "do $$ declare one text; begin for one in select nspname from pg_namespace where nspname like '{service}\\_%' \
         and nspname not in ({}) loop execute format('drop schema %I cascade', one); end loop; end $$",
        apart.join(", ")
    )
}

async fn bump_epoch(store: &str, service: &str) -> Result<(), ChaosError> {
    let store: StoreUrl = store
        .parse()
        .map_err(|error| ChaosError::failed("the store's address", error))?;
    let log = EventLog::open(EventLogConfig::new(service, store))
        .await
        .map_err(|error| ChaosError::failed("opening a restored log", error))?;
    let bumped = log.bump_epoch().await;
    log.close().await;
    bumped
        .map(|_| ())
        .map_err(|error| ChaosError::failed("starting an epoch", error))
}

async fn run(mut command: std::process::Command) -> Result<(), ChaosError> {
    let program = command.get_program().to_string_lossy().into_owned();
    let output = tokio::task::spawn_blocking(move || command.output())
        .await
        .map_err(|error| ChaosError::failed(&program, error))?
        .map_err(|error| ChaosError::failed(&program, error))?;
    if output.status.success() {
        return Ok(());
    }
    Err(ChaosError::failed(
        &program,
        String::from_utf8_lossy(&output.stderr),
    ))
}
