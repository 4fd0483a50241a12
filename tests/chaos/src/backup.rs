//! Backups, and going back to them.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::atomic::Ordering,
    time::{Duration, Instant},
};

use ordo_backup::{BackupError, Kind, restore, take};
use ordo_cluster::{BROKER, SERVICES};
use ordo_sql::StoreUrl;
use rustix::process::{Signal, kill_process};

use crate::{
    error::{Chain, ChaosError},
    files,
    inject::process,
    schedule::{Fault, Planned},
    world::World,
};

/// How long Postgres may take to answer again.
const PATIENCE: Duration = Duration::from_secs(60);

/// A backup of some services.
#[derive(Debug)]
struct Backup {
    /// For each service: everything that it said before this moment is in it.
    since: Vec<Instant>,
    /// For each service.
    folders: Vec<PathBuf>,
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
                copy_frozen(world, BROKER, "nats", &folder)?;
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
        let store = store(world)?;
        let (mut since, mut folders) = (Vec::new(), Vec::new());
        for service in services {
            since.push(Instant::now());
            let mut number = 0;
            let taken = once_it_answers(world, "a backup", async || {
                // What a try that was cut off left is in nobody's way.
                number += 1;
                let folder = folder.join(format!("{service}-{number}"));
                take(service, &store, Kind::Service, &folder).await?;
                Ok(folder)
            });
            folders.push(taken.await?);
        }
        self.services
            .insert(services.to_vec(), Backup { since, folders });
        Ok(())
    }

    /// Brings services back to their backup, as an operator would: stop, restore, start.
    pub async fn restore(
        &mut self,
        world: &World,
        services: &[&'static str],
    ) -> Result<(), ChaosError> {
        let Some(backup) = self.services.get(services) else {
            return Ok(());
        };
        let store = store(world)?;
        for service in services {
            world.cluster.take_down(service).await?;
        }
        let parts = backup.since.iter().zip(&backup.folders);
        for (service, (since, folder)) in services.iter().zip(parts) {
            let restored = once_it_answers(world, "a restore", async || {
                restore(service, &store, folder, true).await.map(|_| ())
            });
            restored.await?;
            world.shop.history.rewound(service, *since);
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

/// Tries again while Postgres recovers from what was done to it a moment ago, as an operator would.
async fn once_it_answers<T>(
    world: &World,
    what: &str,
    mut work: impl AsyncFnMut() -> Result<T, BackupError>,
) -> Result<T, ChaosError> {
    let end = Instant::now() + PATIENCE;
    loop {
        // Should it not run then, the work says so.
        let _ = world.raise_database().await;
        match work().await {
            Ok(done) => return Ok(done),
            Err(error) if Instant::now() > end => {
                return Err(ChaosError::failed(what, Chain(&error)));
            }
            Err(_) => tokio::time::sleep(Duration::from_millis(200)).await, // Not a wait: the pause before another try.
        }
    }
}

/// Stops the program for as long as copying takes: what is copied is what a power cut at that moment would leave.
fn copy_frozen(world: &World, program: &str, from: &str, to: &Path) -> Result<(), ChaosError> {
    let process = world.cluster.pid(program)?.and_then(process);
    if let Some(process) = process {
        // It may be about to end by itself.
        let _ = kill_process(process, Signal::STOP);
    }
    let copied = files::copy(&world.folder.join(from), to);
    if let Some(process) = process {
        let _ = kill_process(process, Signal::CONT);
    }
    copied
}

fn store(world: &World) -> Result<StoreUrl, ChaosError> {
    world
        .store()
        .parse()
        .map_err(|error| ChaosError::failed("the store's address", error))
}
