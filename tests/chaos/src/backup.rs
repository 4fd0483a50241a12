//! Backups, and going back to them.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::atomic::Ordering,
    time::Instant,
};

use ordo_backup::{Kind, restore, take};
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

/// A backup of some services.
#[derive(Debug)]
struct Backup {
    /// For each service: everything that it said before this moment is in it.
    since: Vec<Instant>,
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
        let mut since = Vec::new();
        for service in services {
            since.push(Instant::now());
            take(service, &store, Kind::Service, &folder.join(service))
                .await
                .map_err(|error| ChaosError::failed("a backup", Chain(&error)))?;
        }
        self.services
            .insert(services.to_vec(), Backup { since, folder });
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
        for (service, since) in services.iter().zip(&backup.since) {
            restore(service, &store, &backup.folder.join(service), true)
                .await
                .map_err(|error| ChaosError::failed("a restore", Chain(&error)))?;
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
