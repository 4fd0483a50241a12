//! Named checks of a service's invariants, run on an operator's demand.

use std::{
    future::Future,
    sync::Arc,
    time::{Duration, Instant},
};

use futures::future::BoxFuture;
use ordo_event_log::EventLog;
use ordo_proto::ops::VerifyResponse;

/// How long a check that cannot run is tried again.
const TRY_FOR: Duration = Duration::from_secs(3);
/// Before the first time; doubled with each.
const FIRST_PAUSE: Duration = Duration::from_millis(100);

/// What one check found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CheckOutcome {
    /// Name, for example `log.positions`.
    pub check: String,
    /// How many things were compared.
    pub examined: u64,
    /// The first difference; `None` when the invariant holds. Never holds personal data.
    pub difference: Option<String>,
    /// The check itself could not run: nothing is known about the invariant.
    pub unanswered: bool,
}

impl CheckOutcome {
    /// The invariant holds over `examined` things.
    pub fn holds(check: impl Into<String>, examined: u64) -> Self {
        Self {
            check: check.into(),
            examined,
            difference: None,
            unanswered: false,
        }
    }

    /// It does not.
    pub fn differs(check: impl Into<String>, examined: u64, difference: impl Into<String>) -> Self {
        Self {
            check: check.into(),
            examined,
            difference: Some(difference.into()),
            unanswered: false,
        }
    }

    /// Keeps the result as a metric: whether the check holds, and when it was last run.
    pub(crate) fn record(&self) {
        let check = self.check.clone();
        let holds = f64::from(u8::from(self.difference.is_none()));
        metrics::gauge!("ordo_verify_ok", "check" => check.clone()).set(holds);
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
        metrics::gauge!("ordo_verify_last_run_timestamp_seconds", "check" => check)
            .set(now.unwrap_or_default().as_secs_f64());
    }

    /// The check itself could not run, which is not a pass.
    pub fn could_not_run(check: impl Into<String>, error: &dyn std::error::Error) -> Self {
        let mut why = format!("could not be checked: {error}");
        let mut cause = error.source();
        while let Some(error) = cause {
            let text = error.to_string();
            if !why.ends_with(&text) {
                why = format!("{why}: {text}");
            }
            cause = error.source();
        }
        Self {
            unanswered: true,
            ..Self::differs(check, 0, why)
        }
    }
}

impl From<CheckOutcome> for VerifyResponse {
    fn from(outcome: CheckOutcome) -> Self {
        Self {
            check: outcome.check,
            ok: outcome.difference.is_none(),
            examined: outcome.examined,
            difference: outcome.difference.unwrap_or_default(),
        }
    }
}

type Run = Arc<dyn Fn() -> BoxFuture<'static, Vec<CheckOutcome>> + Send + Sync>;

/// The checks of a service, in the order in which they were added.
#[derive(Clone, Default)]
pub struct Checks {
    groups: Vec<(String, Run)>,
}

impl Checks {
    /// None.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a check, or a group of checks that are done in one go: outcomes of a group `log` are named `log.<rule>`.
    pub fn add<F, O>(&mut self, name: impl Into<String>, run: F)
    where
        F: Fn() -> O + Send + Sync + 'static,
        O: Future<Output = Vec<CheckOutcome>> + Send + 'static,
    {
        let once: Run = Arc::new(move || Box::pin(run()));
        let run: Run = Arc::new(move || Box::pin(answered(Arc::clone(&once))));
        self.groups.push((name.into(), run));
    }

    /// Adds the checks of a log, over all its partitions.
    pub fn add_log(&mut self, log: &EventLog) {
        let log = log.clone();
        self.add("log", move || verify_log(log.clone()));
    }

    /// Those that `wanted` names (a check or its group); all when it is empty. `Err`: the first name that is no check's.
    pub(crate) fn select(&self, wanted: &[String]) -> Result<Vec<Run>, String> {
        // `log.positions` is part of the group `log`; `stock` means everything below `stock.`.
        let meets = |group: &str, name: &str| covers(group, name) || covers(name, group);
        let known = |name: &String| self.groups.iter().any(|(group, _)| meets(group, name));
        if let Some(unknown) = wanted.iter().find(|name| !known(name)) {
            return Err(unknown.clone());
        }
        let selected = self
            .groups
            .iter()
            .filter(|(group, _)| wanted.is_empty() || wanted.iter().any(|name| meets(group, name)));
        Ok(selected.map(|(_, run)| Arc::clone(run)).collect())
    }
}

/// Runs a check again for a moment while it cannot run: a connection that was lost since it was last used says nothing about
/// the invariant. A difference is told at once.
async fn answered(run: Run) -> Vec<CheckOutcome> {
    let end = Instant::now() + TRY_FOR;
    let mut pause = FIRST_PAUSE;
    loop {
        let outcomes = run().await;
        if !outcomes.iter().any(|outcome| outcome.unanswered) || Instant::now() + pause > end {
            return outcomes;
        }
        tokio::time::sleep(pause).await;
        pause *= 2;
    }
}

/// Whether `check` is `group` or below it.
pub(crate) fn covers(group: &str, check: &str) -> bool {
    check
        .strip_prefix(group)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
}

impl std::fmt::Debug for Checks {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list()
            .entries(self.groups.iter().map(|(name, _)| name))
            .finish()
    }
}

/// One outcome per rule, over all partitions.
async fn verify_log(log: EventLog) -> Vec<CheckOutcome> {
    let mut outcomes: Vec<CheckOutcome> = Vec::new();
    for partition in 0..log.partitions() {
        let verification = match log.verify(partition).await {
            Ok(verification) => verification,
            Err(error) => return vec![CheckOutcome::could_not_run("log.readable", &error)],
        };
        for check in verification.checks {
            let difference = check
                .difference
                .map(|difference| format!("partition {partition}: {difference}"));
            match outcomes
                .iter_mut()
                .find(|outcome| outcome.check == check.name)
            {
                Some(outcome) => {
                    outcome.examined += check.examined;
                    if outcome.difference.is_none() {
                        outcome.difference = difference;
                    }
                }
                None => outcomes.push(CheckOutcome {
                    check: check.name.to_owned(),
                    examined: check.examined,
                    difference,
                    unanswered: false,
                }),
            }
        }
    }
    outcomes
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::{
        io,
        sync::atomic::{AtomicU32, Ordering},
    };

    use super::*;

    /// Outcomes of a check that gives `first` twice and then holds, and how often it ran.
    async fn twice(first: CheckOutcome) -> (Vec<CheckOutcome>, u32) {
        let runs = Arc::new(AtomicU32::new(0));
        let counted = Arc::clone(&runs);
        let mut checks = Checks::new();
        checks.add("stock", move || {
            let run = counted.fetch_add(1, Ordering::Relaxed);
            let outcome = match run {
                0 | 1 => first.clone(),
                _ => CheckOutcome::holds("stock", 7),
            };
            async move { vec![outcome] }
        });
        let run = checks.select(&[]).unwrap().remove(0);
        (run().await, runs.load(Ordering::Relaxed))
    }

    #[tokio::test]
    async fn a_check_that_cannot_run_for_a_moment_is_run_again() {
        let lost = io::Error::other("connection reset");
        let (outcomes, runs) = twice(CheckOutcome::could_not_run("stock", &lost)).await;
        assert_eq!(outcomes, [CheckOutcome::holds("stock", 7)]);
        assert_eq!(runs, 3);
    }

    #[tokio::test]
    async fn a_difference_is_told_at_once() {
        let difference = CheckOutcome::differs("stock", 1, "one unit is missing".to_owned());
        let (outcomes, runs) = twice(difference.clone()).await;
        assert_eq!(outcomes, [difference]);
        assert_eq!(runs, 1);
    }
}
