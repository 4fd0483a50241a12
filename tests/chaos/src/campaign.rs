//! Life after life of a cluster, fault after fault.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    sync::atomic::Ordering,
    time::{Duration, Instant},
};

use ordo_cluster::Programs;

use crate::{
    backup::Backups,
    error::{ChaosError, Context as _},
    files::{self, SmallDisk},
    history::Calls,
    schedule::{self, Cycle, Fault},
    world::{Store, World},
};

/// Load before the first fault of a life.
const WARM_UP: Duration = Duration::from_millis(300);

/// Parked entities that are printed for a life.
const MOST_TOLD: usize = 3;

/// What to do.
#[derive(Debug, Clone)]
pub struct Campaign {
    /// Cycles altogether.
    pub cycles: usize,
    /// Of the first life; every further one has the next.
    pub seed: u64,
    /// Which databases.
    pub store: Store,
    /// Only these; empty: all.
    pub only: Vec<Fault>,
    /// Cycles in the life of one cluster.
    pub per_life: usize,
    /// Cycles between two checks.
    pub check_every: usize,
    /// Folder for the clusters.
    pub folder: PathBuf,
    /// The programs under test.
    pub programs: Programs,
}

/// What came of it.
#[derive(Debug, Default)]
pub struct Tally {
    /// Cycles after which everything was as it must be.
    pub passed: usize,
    /// Cycles after which something was not, or the check itself could not be made.
    pub failed: usize,
    /// Faults that were done, by kind.
    pub faults: BTreeMap<String, u64>,
    /// Calls of clients.
    pub calls: Calls,
    /// Orders that clients know to be placed.
    pub orders: u64,
    /// Clusters.
    pub lives: u64,
    /// Checks.
    pub checks: u64,
    /// Entities that waited for an operator at the end of a life with a restore.
    pub parked: u64,
}

impl Campaign {
    /// The kinds of fault that can be done here.
    fn allowed(&self, small_disks: bool) -> Vec<Fault> {
        let allowed = Fault::ALL.into_iter().filter(|fault| {
            (self.only.is_empty() || self.only.contains(fault))
                && (self.store == Store::Postgres || !fault.needs_postgres())
                && (small_disks || *fault != Fault::FullDisk)
        });
        allowed.collect()
    }

    /// Prints the faults of every life, as they are planned where disks can be filled.
    pub fn print_plan(&self) {
        let allowed = self.allowed(true);
        for (life, first) in (0..self.cycles).step_by(self.per_life).enumerate() {
            let cycles = self.per_life.min(self.cycles - first);
            let seed = self.seed + life as u64;
            println!("life {seed}");
            print!("{}", lines_of(&schedule::plan(seed, cycles, &allowed)));
        }
    }

    /// Runs all cycles. Lives that fail keep their folders.
    pub async fn run(&self) -> Result<Tally, ChaosError> {
        let native = self.folder.join("native");
        files::build_native(&native)?;
        let small = SmallDisk::possible(&self.folder);
        if !small {
            eprintln!(
                "disks cannot be filled here: mounting a tmpfs needs root and a system that allows it"
            );
        }
        let allowed = self.allowed(small);
        let mut tally = Tally::default();
        let mut seed = self.seed;
        while tally.passed + tally.failed < self.cycles && !allowed.is_empty() {
            let cycles = self.per_life.min(self.cycles - tally.passed - tally.failed);
            let schedule = schedule::plan(seed, cycles, &allowed);
            let life = Life {
                campaign: self,
                seed,
                folder: self.folder.join(format!("life-{seed}")),
                native: &native,
            };
            let before = tally.passed + tally.failed;
            let faults = life.live(&schedule, small, &mut tally).await;
            tally.lives += 1;
            if !faults.is_empty() {
                // A life that went wrong ends there; what it had planned counts as failed, for it was not seen to pass.
                tally.failed += cycles - (tally.passed + tally.failed - before);
                life.tell(&schedule, &faults);
            }
            seed += 1;
        }
        Ok(tally)
    }
}

/// One cluster from its start to its end.
struct Life<'a> {
    campaign: &'a Campaign,
    seed: u64,
    folder: PathBuf,
    native: &'a Path,
}

impl Life<'_> {
    /// Everything that was not as it must be.
    async fn live(&self, schedule: &[Cycle], small: bool, tally: &mut Tally) -> Vec<String> {
        let started = Instant::now();
        let world = World::start(
            &self.folder,
            self.native,
            &self.campaign.programs,
            self.campaign.store,
            small,
        )
        .await;
        let world = match world {
            Ok(world) => world,
            Err(error) => return vec![format!("the cluster did not start: {error}")],
        };
        let passed = tally.passed;
        let faults = match self.cycles(&world, schedule, tally).await {
            Ok(faults) => faults,
            Err(error) => vec![format!("the campaign cannot go on: {error}")],
        };
        let calls = world.shop.history.calls();
        tally.calls.ok += calls.ok;
        tally.calls.refused += calls.refused;
        tally.calls.unknown += calls.unknown;
        let orders = world.shop.orders.load(Ordering::Relaxed);
        tally.orders += orders;
        println!(
            "life {}: {} cycles passed, {orders} orders, {} calls ok, {} refused, {} unknown, {:.1} s",
            self.seed,
            tally.passed - passed,
            calls.ok,
            calls.refused,
            calls.unknown,
            started.elapsed().as_secs_f64()
        );
        self.end(world, faults.is_empty()).await;
        faults
    }

    async fn cycles(
        &self,
        world: &World,
        schedule: &[Cycle],
        tally: &mut Tally,
    ) -> Result<Vec<String>, ChaosError> {
        let ordo = self.campaign.programs.services.join("ordo");
        world.shop.stock_up().await?;
        let _clients = world.shop.open(self.seed);
        let mut backups = Backups::default();
        let mut restored = false;
        let mut unchecked = 0;
        pause(WARM_UP).await;
        for (place, cycle) in schedule.iter().enumerate() {
            if let Some(planned) = cycle.backup_for {
                backups.take(world, planned).await?;
            }
            self.cycle(world, cycle, &mut backups).await?;
            for fault in cycle.faults() {
                *tally.faults.entry(fault.name()).or_default() += 1;
                restored |= matches!(fault, Fault::RestoredService | Fault::RestoredAll);
            }
            unchecked += 1;
            if unchecked == self.campaign.check_every || place + 1 == schedule.len() {
                let verdict = world.check(&ordo, restored).await?;
                tally.checks += 1;
                println!(
                    "life {}: {} of {} cycles; caught up in {:.1} s, verified in {:.1} s, compared in {:.1} s",
                    self.seed,
                    place + 1,
                    schedule.len(),
                    verdict.took[0].as_secs_f64(),
                    verdict.took[1].as_secs_f64(),
                    verdict.took[2].as_secs_f64()
                );
                if place + 1 == schedule.len() {
                    for parked in verdict.parked.iter().take(MOST_TOLD) {
                        println!("life {}: parked after a restore: {parked}", self.seed);
                    }
                    tally.parked += verdict.parked.len() as u64;
                }
                if !verdict.faults.is_empty() {
                    tally.failed += unchecked;
                    return Ok(verdict.faults);
                }
                tally.passed += unchecked;
                unchecked = 0;
            }
        }
        Ok(Vec::new())
    }

    async fn cycle(
        &self,
        world: &World,
        cycle: &Cycle,
        backups: &mut Backups,
    ) -> Result<(), ChaosError> {
        pause(cycle.first.before).await;
        let first = world.inject(cycle.first, backups).await?;
        if let Some(second) = cycle.second {
            pause(second.before).await;
            let wrong = world.inject(second, backups).await?;
            pause(second.hold).await;
            if let Some(wrong) = wrong {
                world.right(wrong).await?;
            }
        }
        if let Some(wrong) = first {
            pause(cycle.first.hold).await;
            world.right(wrong).await?;
        }
        Ok(())
    }

    /// Ends the cluster, and removes what is left of it unless something is to be found there.
    async fn end(&self, world: World, well: bool) {
        let World {
            cluster,
            postgres,
            small_disks,
            proxies,
            ..
        } = world;
        if well && let Err(error) = cluster.stop().await {
            eprintln!("life {}: {error}", self.seed);
        }
        drop(proxies);
        if !well {
            for disk in &small_disks {
                disk.keep();
            }
        }
        drop(postgres);
        drop(small_disks);
        if well {
            // Gone already, or left for whoever looks.
            let _ = fs::remove_dir_all(&self.folder);
        }
    }

    fn tell(&self, schedule: &[Cycle], faults: &[String]) {
        let campaign = self.campaign;
        let mut only = String::new();
        if !campaign.only.is_empty() {
            let names: Vec<String> = campaign.only.iter().map(|fault| fault.name()).collect();
            only = format!(" --only {}", names.join(","));
        }
        let store = match campaign.store {
            Store::Sqlite => "sqlite",
            Store::Postgres => "postgres",
        };
        let mut text = format!(
            "life {} FAILED\n  its folder: {}\n  the same faults again: tests/chaos/run --cycles {} --per-life {} --seed {} --store {store} --check-every {}{only}\n",
            self.seed,
            self.folder.display(),
            schedule.len(),
            schedule.len(),
            self.seed,
            campaign.check_every,
        );
        for fault in faults.iter().take(20) {
            text.push_str(&format!("  {fault}\n"));
        }
        if faults.len() > 20 {
            text.push_str(&format!("  and {} more\n", faults.len() - 20));
        }
        text.push_str("  the schedule:\n");
        text.push_str(&lines_of(schedule));
        println!("{text}");
        let path = self.folder.join("failure.txt");
        if let Err(error) = fs::write(&path, text).context("writing", &path) {
            eprintln!("{error}");
        }
    }
}

/// A line for each fault.
fn lines_of(schedule: &[Cycle]) -> String {
    let mut text = String::new();
    for (place, cycle) in schedule.iter().enumerate() {
        text.push_str(&format!("    {place}: {:?}\n", cycle.first));
        if let Some(second) = cycle.second {
            text.push_str(&format!("       and {second:?}\n"));
        }
    }
    text
}

async fn pause(time: Duration) {
    tokio::time::sleep(time).await; // Not a wait: the schedule's own time.
}
