//! What goes wrong when: all of it follows from the seed.

use std::time::Duration;

use rand::{RngExt as _, SeedableRng as _, rngs::StdRng, seq::IndexedRandom as _};

/// What can go wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, clap::ValueEnum)]
pub enum Fault {
    /// A service is killed with SIGKILL and started again a moment later.
    KillService,
    /// A service is stopped with SIGSTOP and goes on a moment later, unaware.
    FreezeService,
    /// A service is told to end and started again.
    RestartService,
    /// nats-server is killed and started again a moment later.
    KillBroker,
    /// nats-server is stopped with SIGSTOP.
    FreezeBroker,
    /// nats-server is told to end and started again.
    RestartBroker,
    /// Postgres is stopped immediately (SIGQUIT: no checkpoint) and started again.
    KillDatabase,
    /// Every process of Postgres is stopped with SIGSTOP.
    FreezeDatabase,
    /// Connections to a service, the broker or Postgres are cut, and new ones refused for a while.
    CutTcp,
    /// Connections stay and nothing comes through.
    StallTcp,
    /// Everything comes through late.
    DelayTcp,
    /// The disk below the databases or below the broker is full.
    FullDisk,
    /// fsync fails in a service, in Postgres or in the broker.
    FailedSync,
    /// The broker loses power: it comes back with an older copy of its store.
    OlderBroker,
    /// Messages in the middle of a stream vanish.
    DeletedMessages,
    /// A stream vanishes.
    DeletedStream,
    /// The broker's whole store vanishes.
    WipedBroker,
    /// A service's databases are restored from an older backup (its keys stay, as documented).
    RestoredService,
    /// All services' databases are restored from one older backup.
    RestoredAll,
}

impl Fault {
    /// Every kind.
    pub const ALL: [Self; 19] = [
        Self::KillService,
        Self::FreezeService,
        Self::RestartService,
        Self::KillBroker,
        Self::FreezeBroker,
        Self::RestartBroker,
        Self::KillDatabase,
        Self::FreezeDatabase,
        Self::CutTcp,
        Self::StallTcp,
        Self::DelayTcp,
        Self::FullDisk,
        Self::FailedSync,
        Self::OlderBroker,
        Self::DeletedMessages,
        Self::DeletedStream,
        Self::WipedBroker,
        Self::RestoredService,
        Self::RestoredAll,
    ];

    /// As on the command line.
    pub fn name(self) -> String {
        use clap::ValueEnum as _;
        self.to_possible_value()
            .map(|value| value.get_name().to_owned())
            .unwrap_or_default()
    }

    /// Needs a database server of its own.
    pub fn needs_postgres(self) -> bool {
        matches!(self, Self::KillDatabase | Self::FreezeDatabase)
    }

    /// Needs something that was put aside earlier.
    pub fn needs_backup(self) -> bool {
        matches!(
            self,
            Self::OlderBroker | Self::RestoredService | Self::RestoredAll
        )
    }

    /// Lasts for a while, and something else may go wrong meanwhile.
    fn lasts(self) -> bool {
        matches!(
            self,
            Self::KillService
                | Self::FreezeService
                | Self::KillBroker
                | Self::FreezeBroker
                | Self::FreezeDatabase
                | Self::CutTcp
                | Self::StallTcp
                | Self::DelayTcp
        )
    }

    /// How often, among the others.
    fn weight(self) -> u32 {
        match self {
            Self::KillService | Self::CutTcp => 4,
            Self::FreezeService | Self::StallTcp | Self::DelayTcp | Self::FullDisk => 3,
            Self::FailedSync | Self::KillDatabase | Self::RestartService => 3,
            Self::RestoredAll => 1,
            _ => 2,
        }
    }
}

/// One fault of the schedule.
#[derive(Debug, Clone, Copy)]
pub struct Planned {
    /// What.
    pub fault: Fault,
    /// Chooses among the things it can hit.
    pub target: usize,
    /// Load before it.
    pub before: Duration,
    /// How long it lasts.
    pub hold: Duration,
}

/// One cycle.
#[derive(Debug, Clone, Copy)]
pub struct Cycle {
    /// What goes wrong.
    pub first: Planned,
    /// What goes wrong meanwhile.
    pub second: Option<Planned>,
    /// A later cycle needs something put aside at the beginning of this one.
    pub backup_for: Option<Planned>,
}

impl Cycle {
    /// Everything that goes wrong in it.
    pub fn faults(&self) -> impl Iterator<Item = Fault> {
        [Some(self.first), self.second]
            .into_iter()
            .flatten()
            .map(|planned| planned.fault)
    }
}

/// The schedule of `cycles` cycles of one cluster, of the `allowed` kinds.
pub fn plan(seed: u64, cycles: usize, allowed: &[Fault]) -> Vec<Cycle> {
    let mut random = StdRng::seed_from_u64(seed);
    let mut schedule: Vec<Cycle> = (0..cycles)
        .filter_map(|_| {
            let first = one(&mut random, allowed)?;
            let beside: Vec<Fault> = allowed
                .iter()
                .copied()
                .filter(|fault| fault.lasts() && *fault != first.fault)
                .collect();
            let second = if first.fault.lasts() && random.random_bool(0.25) {
                one(&mut random, &beside)
            } else {
                None
            };
            Some(Cycle {
                first,
                second,
                backup_for: None,
            })
        })
        .collect();
    for later in 0..schedule.len() {
        let first = schedule[later].first;
        if first.fault.needs_backup() {
            // One cycle earlier, so that something was acknowledged in between; in the same one at the beginning.
            schedule[later.saturating_sub(1)].backup_for = Some(first);
            if later > 0 && schedule[later - 1].first.fault.needs_backup() {
                schedule[later].backup_for = Some(first);
            }
        }
    }
    schedule
}

fn one(random: &mut StdRng, among: &[Fault]) -> Option<Planned> {
    let fault = among
        .choose_weighted(random, |fault| fault.weight())
        .copied()
        .ok()?;
    Some(Planned {
        fault,
        target: random.random_range(0..1_000),
        before: Duration::from_millis(random.random_range(50..400)),
        hold: Duration::from_millis(random.random_range(50..900)),
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn the_same_seed_plans_the_same_faults_and_another_seed_others() {
        let one = format!("{:?}", plan(7, 50, &Fault::ALL));
        assert_eq!(one, format!("{:?}", plan(7, 50, &Fault::ALL)));
        assert_ne!(one, format!("{:?}", plan(8, 50, &Fault::ALL)));
    }

    #[test]
    fn every_kind_is_planned_and_what_needs_a_backup_has_one_before() {
        let schedule = plan(1, 2_000, &Fault::ALL);
        for fault in Fault::ALL {
            assert!(schedule.iter().any(|cycle| cycle.first.fault == fault));
        }
        for (place, cycle) in schedule.iter().enumerate() {
            if cycle.first.fault.needs_backup() {
                let from = place.saturating_sub(1);
                assert!(
                    schedule[from..=place].iter().any(|earlier| earlier
                        .backup_for
                        .is_some_and(|backup| backup.fault == cycle.first.fault
                            && backup.target == cycle.first.target)),
                    "cycle {place}"
                );
            }
        }
    }
}
