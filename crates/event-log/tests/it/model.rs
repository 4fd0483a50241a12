//! Random histories against a plain in-memory model.
//!
//! Every case is a tenant of its own in one database, so that thousands of cases need no thousands of databases.
//! `ORDO_MODEL_CASES` sets the number of cases per store.

use std::{
    collections::{BTreeMap, HashMap},
    sync::atomic::{AtomicU64, Ordering},
};

use futures::future::join_all;
use ordo_event_log::{Command, EventLog, ExecuteError, StreamId, TenantId};
use proptest::{
    prelude::*,
    test_runner::{Config, TestCaseError, TestRunner},
};
use tokio::runtime::{Builder, Runtime};

use crate::fixture::*;

/// What is sent, to one of two replicas.
#[derive(Clone, Debug)]
struct Sent {
    replica: usize,
    wish: Wish,
    /// Few ids, so that they repeat.
    id: Option<u8>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Wish {
    Put { till: u8, amount: i64 },
    Take { till: u8, amount: i64 },
    Transfer { from: u8, to: u8, amount: i64 },
    Look { till: u8 },
}

#[derive(Clone, Debug)]
enum Action {
    Send(Sent),
    /// The same command, many times at once, over both replicas.
    Repeat {
        wish: Wish,
        id: u8,
        times: usize,
    },
    /// Commands that cannot refuse, at once.
    PutTogether(Vec<(usize, u8, i64)>),
    /// A replica dies and comes back.
    Crash {
        replica: usize,
    },
    Read {
        replica: usize,
    },
}

fn wish() -> impl Strategy<Value = Wish> {
    let till = 0..3_u8;
    prop_oneof![
        4 => (till.clone(), 1..20_i64).prop_map(|(till, amount)| Wish::Put { till, amount }),
        3 => (till.clone(), 1..20_i64).prop_map(|(till, amount)| Wish::Take { till, amount }),
        3 => (till.clone(), till.clone(), 1..9_i64).prop_map(|(from, to, amount)| Wish::Transfer { from, to, amount }),
        1 => till.prop_map(|till| Wish::Look { till }),
    ]
}

/// One in `reopen` actions is a crash: opening a database takes much longer than writing to it.
fn action(reopen: u32) -> impl Strategy<Value = Action> {
    let replica = 0..2_usize;
    prop_oneof![
        reopen * 6 / 10 => (replica.clone(), wish(), prop::option::of(0..4_u8))
            .prop_map(|(replica, wish, id)| Action::Send(Sent { replica, wish, id })),
        reopen / 10 => (wish(), 0..4_u8, 2..6_usize).prop_map(|(wish, id, times)| Action::Repeat { wish, id, times }),
        reopen / 10 => prop::collection::vec((replica.clone(), 0..3_u8, 1..9_i64), 2..8).prop_map(Action::PutTogether),
        reopen / 5 => replica.clone().prop_map(|replica| Action::Read { replica }),
        1 => replica.prop_map(|replica| Action::Crash { replica }),
    ]
}

/// What a command with an id came to.
#[derive(Clone, Debug)]
struct Recorded {
    wish: Wish,
    position: u64,
    answer: i64,
}

/// The log as it should be: a list of amounts per till, and the results of commands.
#[derive(Default)]
struct Model {
    tills: BTreeMap<u8, Vec<i64>>,
    results: HashMap<u8, Recorded>,
}

impl Model {
    fn balance(&self, till: u8) -> i64 {
        self.tills
            .get(&till)
            .map_or(0, |amounts| amounts.iter().sum())
    }

    /// The answer and the number of events, or what is left.
    fn apply(&mut self, wish: &Wish) -> Result<(i64, u64), Short> {
        let mut moved = |till: u8, amount| self.tills.entry(till).or_default().push(amount);
        match *wish {
            Wish::Put { till, amount } => moved(till, amount),
            Wish::Look { .. } => {}
            Wish::Take { till, amount } => {
                if amount > self.balance(till) {
                    return Err(Short(self.balance(till)));
                }
                self.tills.entry(till).or_default().push(-amount);
            }
            Wish::Transfer { from, to, amount } => {
                moved(to, amount);
                if amount > self.balance(from) {
                    let left = Short(self.balance(from));
                    self.tills.entry(to).or_default().pop();
                    return Err(left);
                }
                self.tills.entry(from).or_default().push(-amount);
            }
        }
        Ok(match *wish {
            Wish::Put { till, .. } | Wish::Take { till, .. } => (self.balance(till), 1),
            Wish::Transfer { from, .. } => (self.balance(from), 2),
            Wish::Look { till } => (self.balance(till), 0),
        })
    }
}

/// Two replicas of one log, and a tenant.
struct Case<'a> {
    ground: &'a Ground,
    replicas: &'a mut [EventLog; 2],
    tenant: TenantId,
    model: Model,
}

fn name(till: u8) -> String {
    format!("till-{till}")
}

macro_rules! check {
    ($left:expr, $right:expr, $($what:tt)+) => {{
        let (left, right) = (&$left, &$right);
        if left != right {
            return Err(TestCaseError::fail(format!("{}: {left:?} instead of {right:?}", format!($($what)+))));
        }
    }};
}

impl Case<'_> {
    fn command(&self, wish: &Wish, id: Option<u8>) -> Command {
        let mut fingerprint = [0; 32];
        let text = format!("{wish:?}");
        let length = text.len().min(32);
        // The end differs between wishes; the beginning is their name.
        fingerprint[..length].copy_from_slice(&text.as_bytes()[text.len() - length..]);
        let command = Command::new(self.tenant.clone(), 0).fingerprint(fingerprint);
        match id {
            Some(id) => command.id(format!("id-{id}")),
            None => command,
        }
    }

    async fn send(&self, replica: usize, wish: &Wish, id: Option<u8>) -> Outcome {
        let log = &self.replicas[replica];
        let command = self.command(wish, id);
        match *wish {
            Wish::Put { till, amount } => put(log, command, &name(till), amount).await,
            Wish::Take { till, amount } => take(log, command, &name(till), amount).await,
            Wish::Transfer { from, to, amount } => {
                transfer(log, command, &name(from), &name(to), amount).await
            }
            Wish::Look { till } => log.execute(command, balance(&name(till))).await,
        }
    }

    async fn run(&mut self, action: &Action) -> Result<(), TestCaseError> {
        match action {
            Action::Send(Sent { replica, wish, id }) => {
                let outcome = self.send(*replica, wish, *id).await;
                self.compare(wish, *id, outcome).await
            }
            Action::Repeat { wish, id, times } => {
                let outcomes =
                    join_all((0..*times).map(|n| self.send(n % 2, wish, Some(*id)))).await;
                let known = self.model.results.contains_key(id);
                let (first, repetitions): (Vec<_>, Vec<_>) =
                    outcomes.into_iter().partition(|outcome| {
                        !known && outcome.as_ref().is_ok_and(|receipt| !receipt.duplicate)
                    });
                let refused = repetitions
                    .iter()
                    .all(|outcome| matches!(outcome, Err(ExecuteError::Refused(_))));
                if !known && !refused {
                    check!(first.len(), 1, "answers that are no duplicates");
                }
                for outcome in first.into_iter().chain(repetitions) {
                    self.compare(wish, Some(*id), outcome).await?;
                }
                Ok(())
            }
            Action::PutTogether(puts) => {
                let this = &*self;
                let outcomes = join_all(puts.iter().map(|&(replica, till, amount)| async move {
                    (
                        till,
                        amount,
                        this.send(replica, &Wish::Put { till, amount }, None).await,
                    )
                }))
                .await;
                let mut done = Vec::new();
                for (till, amount, outcome) in outcomes {
                    let receipt =
                        outcome.map_err(|error| TestCaseError::fail(error.to_string()))?;
                    done.push((receipt.position, till, amount, receipt.answer));
                }
                // The positions say in which order they were decided.
                done.sort_unstable();
                for (position, till, amount, answer) in done {
                    let expected = self.model.apply(&Wish::Put { till, amount });
                    check!(Ok((answer, 1)), expected, "the put at {position}");
                }
                Ok(())
            }
            Action::Crash { replica } => {
                self.replicas[*replica] = self.ground.open().await;
                Ok(())
            }
            Action::Read { replica } => self.read(*replica).await,
        }
    }

    /// Compares an outcome with the model's.
    async fn compare(
        &mut self,
        wish: &Wish,
        id: Option<u8>,
        outcome: Outcome,
    ) -> Result<(), TestCaseError> {
        if let Some(known) = id.and_then(|id| self.model.results.get(&id)) {
            return match outcome {
                Ok(receipt) if *wish == known.wish => {
                    check!(
                        (receipt.answer, receipt.position),
                        (known.answer, known.position),
                        "the repeated {wish:?}"
                    );
                    check!(receipt.duplicate, true, "a duplicate");
                    Ok(())
                }
                Err(ExecuteError::CommandIdReused { .. }) if *wish != known.wish => Ok(()),
                other => Err(TestCaseError::fail(format!(
                    "{wish:?} with the id of {known:?}: {other:?}"
                ))),
            };
        }
        match (outcome, self.model.apply(wish)) {
            (Ok(receipt), Ok((answer, events))) => {
                check!(
                    (receipt.answer, receipt.duplicate),
                    (answer, false),
                    "{wish:?}"
                );
                let head = self.replicas[0]
                    .read_head(0)
                    .await
                    .map_err(|e| TestCaseError::fail(e.to_string()))?;
                check!(
                    receipt.position,
                    head.position,
                    "the position of {wish:?} with {events} events"
                );
                if let Some(id) = id {
                    let recorded = Recorded {
                        wish: wish.clone(),
                        position: receipt.position,
                        answer,
                    };
                    self.model.results.insert(id, recorded);
                }
                Ok(())
            }
            (Err(ExecuteError::Refused(refused)), Err(expected)) => {
                check!(refused, expected, "{wish:?}");
                Ok(())
            }
            (outcome, expected) => Err(TestCaseError::fail(format!(
                "{wish:?}: {outcome:?} instead of {expected:?}"
            ))),
        }
    }

    /// Compares all streams with the model's.
    async fn read(&self, replica: usize) -> Result<(), TestCaseError> {
        let log = &self.replicas[replica];
        for till in 0..3 {
            let expected = self.model.tills.get(&till).cloned().unwrap_or_default();
            let (state, version) = log
                .state::<Till>(0, &self.tenant, &name(till))
                .await
                .unwrap();
            check!(
                (state.balance, version),
                (expected.iter().sum(), expected.len() as u64),
                "the state of {till}"
            );
            let stream = StreamId::new("till", &name(till));
            let events = log
                .read_stream(0, &self.tenant, &stream, 0, 1000)
                .await
                .unwrap();
            let amounts: Vec<i64> = events
                .iter()
                .map(|event| {
                    <Moved as prost::Message>::decode(&*event.payload)
                        .unwrap()
                        .amount
                })
                .collect();
            check!(amounts, expected, "the events of {till}");
        }
        Ok(())
    }
}

fn run(runtime: &Runtime, ground: &Ground, default_cases: u32) {
    let cases =
        std::env::var("ORDO_MODEL_CASES").map_or(default_cases, |cases| cases.parse().unwrap());
    // A small cache and frequent snapshots, so that loading happens all the time.
    let open = || async {
        ground
            .open_with(|config| {
                config.cached_streams = 2;
                config.cached_commands = 2;
                config.snapshot_every = 3;
            })
            .await
    };
    let replicas = runtime.block_on(async { [open().await, ground.open().await] });
    let replicas = std::cell::RefCell::new(replicas);
    let number = AtomicU64::new(0);
    let mut runner = TestRunner::new(Config {
        cases,
        failure_persistence: None,
        ..Config::default()
    });
    let outcome = runner.run(&prop::collection::vec(action(100), 1..8), |actions| {
        let tenant = format!("t{}", number.fetch_add(1, Ordering::Relaxed));
        let mut replicas = replicas.borrow_mut();
        runtime.block_on(async {
            let mut case = Case {
                ground,
                replicas: &mut replicas,
                tenant: TenantId::new(&tenant).unwrap(),
                model: Model::default(),
            };
            for action in &actions {
                case.run(action).await?;
            }
            for replica in 0..2 {
                case.read(replica).await?;
            }
            Ok(())
        })
    });
    if let Err(failure) = outcome {
        panic!("{failure}");
    }
    let [log, _] = replicas.into_inner();
    runtime.block_on(assert_whole(&log));
}

fn runtime() -> Runtime {
    Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap()
}

#[test]
fn any_history_agrees_with_the_model_on_sqlite() {
    run(&runtime(), &Ground::sqlite(), 6000);
}

#[test]
fn any_history_agrees_with_the_model_on_postgres() {
    let runtime = runtime();
    let ground = runtime.block_on(Ground::postgres());
    run(&runtime, &ground, 4000);
}
