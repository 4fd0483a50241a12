//! Doing each kind of fault.

use std::{fs, time::Duration};

use async_nats::jetstream;
use ordo_cluster::{BROKER, SERVICES};
use rand::{RngExt as _, SeedableRng as _, rngs::StdRng};
use rustix::process::{Pid, Signal, kill_process};

use crate::{
    backup::Backups,
    error::{ChaosError, Context as _},
    files,
    proxy::Mode,
    schedule::{Fault, Planned},
    world::{World, Wrong, switch},
};

/// Messages that vanish at once, at most.
const MOST_DELETED: u64 = 3;

impl World {
    /// Does what is planned. Gives what must be put right after the fault's time; nothing when it is over already.
    pub async fn inject(
        &self,
        planned: Planned,
        backups: &mut Backups,
    ) -> Result<Option<Wrong>, ChaosError> {
        let service = SERVICES[planned.target % SERVICES.len()];
        match planned.fault {
            Fault::KillService => self.kill(service).await,
            Fault::KillBroker => self.kill(BROKER).await,
            Fault::RestartService => self.restart(service).await,
            Fault::RestartBroker => self.restart(BROKER).await,
            Fault::FreezeService => self.freeze(service),
            Fault::FreezeBroker => self.freeze(BROKER),
            Fault::KillDatabase => {
                let Some(postgres) = &self.postgres else {
                    return Ok(None);
                };
                postgres.stop_at_once().await?;
                Ok(Some(Wrong::DatabaseDown))
            }
            Fault::FreezeDatabase => {
                let Some(postgres) = self.postgres.as_ref().and_then(|server| server.pid()) else {
                    return Ok(None);
                };
                let family = family(postgres)?;
                for process in &family {
                    let _ = kill_process(*process, Signal::STOP);
                }
                Ok(Some(Wrong::Frozen(family)))
            }
            Fault::CutTcp => Ok(Some(self.link(planned, Mode::Cut))),
            Fault::StallTcp => Ok(Some(self.link(planned, Mode::Stalled))),
            Fault::DelayTcp => {
                let by = Duration::from_millis(10 + (planned.target as u64 % 90));
                Ok(Some(self.link(planned, Mode::Delayed(by))))
            }
            Fault::FullDisk => {
                let databases = if self.postgres.is_some() {
                    "pg"
                } else {
                    "data"
                };
                let disk = self.folder.join([databases, "nats"][planned.target % 2]);
                files::fill(&disk)?;
                Ok(Some(Wrong::Full(disk)))
            }
            Fault::FailedSync => self.fail_sync(planned).await,
            Fault::OlderBroker => backups.lose_power(self).await.map(|()| None),
            Fault::WipedBroker => {
                self.cluster.take_down(BROKER).await?;
                files::clear(&self.folder.join("nats"))?;
                self.come_back(BROKER).await;
                Ok(None)
            }
            Fault::DeletedMessages => {
                self.delete_messages(planned).await?;
                Ok(None)
            }
            Fault::DeletedStream => {
                let stream = self.some_stream(planned).await?;
                if let (jetstream, Some(name)) = stream {
                    // The broker may be unable to at the moment.
                    let _ = jetstream.delete_stream(&name).await;
                }
                Ok(None)
            }
            Fault::RestoredService => backups.restore(self, &[service]).await.map(|()| None),
            Fault::RestoredAll => backups.restore(self, &SERVICES).await.map(|()| None),
        }
    }

    /// Starts a program; when it is not ready soon, others go on and it is waited for in the end.
    pub async fn come_back(&self, program: &'static str) {
        let _ = tokio::time::timeout(Duration::from_secs(5), self.cluster.resume(program)).await;
    }

    async fn kill(&self, program: &'static str) -> Result<Option<Wrong>, ChaosError> {
        self.cluster.take_down(program).await?;
        Ok(Some(Wrong::Down(program)))
    }

    async fn restart(&self, program: &'static str) -> Result<Option<Wrong>, ChaosError> {
        self.cluster.drain(program).await?;
        self.come_back(program).await;
        Ok(None)
    }

    fn freeze(&self, program: &str) -> Result<Option<Wrong>, ChaosError> {
        let process = self.cluster.pid(program)?.and_then(process);
        if let Some(process) = process {
            let _ = kill_process(process, Signal::STOP);
        }
        Ok(process.map(|process| Wrong::Frozen(vec![process])))
    }

    fn link(&self, planned: Planned, mode: Mode) -> Wrong {
        let links = if self.postgres.is_some() { 6 } else { 5 };
        let link = planned.target % links;
        self.proxies[link].set(mode);
        Wrong::Link(link)
    }

    async fn fail_sync(&self, planned: Planned) -> Result<Option<Wrong>, ChaosError> {
        let mut programs = SERVICES.to_vec();
        if self.postgres.is_some() {
            // Services write nothing themselves then.
            programs = vec!["postgres"];
        }
        programs.push(BROKER);
        let program = programs[planned.target % programs.len()];
        let switch = switch(&self.folder, program);
        fs::write(&switch, "").context("making", &switch)?;
        if program == BROKER {
            self.cluster.take_down(BROKER).await?;
            self.come_back(BROKER).await;
            return Ok(Some(Wrong::NoSync(switch, Some(BROKER))));
        }
        Ok(Some(Wrong::NoSync(switch, None)))
    }

    async fn delete_messages(&self, planned: Planned) -> Result<(), ChaosError> {
        let (jetstream, Some(name)) = self.some_stream(planned).await? else {
            return Ok(());
        };
        let Ok(stream) = jetstream.get_stream(&name).await else {
            return Ok(());
        };
        let state = stream.cached_info().state.clone();
        let mut random = StdRng::seed_from_u64(planned.target as u64);
        for _ in 0..random.random_range(1..=MOST_DELETED) {
            if state.messages > 2 {
                let sequence = random.random_range(state.first_sequence..=state.last_sequence);
                // It may have been deleted a moment ago.
                let _ = stream.delete_message(sequence).await;
            }
        }
        Ok(())
    }

    /// One of the broker's streams, if it has any.
    async fn some_stream(
        &self,
        planned: Planned,
    ) -> Result<(jetstream::Context, Option<String>), ChaosError> {
        use futures::TryStreamExt as _;
        let keys = self.cluster.keys();
        let client = async_nats::ConnectOptions::with_user_and_password(
            "operator".to_owned(),
            keys.password("operator")?,
        )
        .connection_timeout(Duration::from_secs(2))
        .connect(&self.cluster.file().nats)
        .await
        .map_err(|error| ChaosError::failed("connecting to the broker", error))?;
        let mut jetstream = jetstream::new(client);
        jetstream.set_timeout(Duration::from_secs(3));
        let mut names: Vec<String> = jetstream
            .stream_names()
            .try_collect()
            .await
            .unwrap_or_default();
        names.sort_unstable();
        let name = (!names.is_empty()).then(|| names.swap_remove(planned.target % names.len()));
        Ok((jetstream, name))
    }
}

pub(crate) fn process(pid: u32) -> Option<Pid> {
    Pid::from_raw(i32::try_from(pid).ok()?)
}

/// A process and its children.
fn family(parent: u32) -> Result<Vec<Pid>, ChaosError> {
    let proc = std::path::Path::new("/proc");
    let mut family: Vec<Pid> = process(parent).into_iter().collect();
    for entry in fs::read_dir(proc).context("reading", proc)?.flatten() {
        let pid = entry
            .file_name()
            .to_str()
            .and_then(|name| name.parse().ok());
        let Some(pid) = pid else { continue };
        // `pid (name) state parent …`; a name may hold blanks and brackets.
        let stat = fs::read_to_string(entry.path().join("stat")).unwrap_or_default();
        let of = stat
            .rsplit(") ")
            .next()
            .and_then(|rest| rest.split(' ').nth(1))
            .and_then(|parent| parent.parse::<u32>().ok());
        if of == Some(parent) {
            family.extend(process(pid));
        }
    }
    Ok(family)
}
