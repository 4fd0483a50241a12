//! The one task that beats, looks, takes and gives back.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use ordo_sql::SqlError;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::{
    claim::{Grant, Hold, Inner, LeaseSettings, Slot, lock},
    pauses::Pauses,
    plan::{Candidate, kind, plan},
    table::{Member, Table, View},
};

/// A round that takes longer hangs at a connection that is dead.
const ROUND: Duration = Duration::from_secs(2);
/// Pause before another try while the database does not answer: whoever beats late is taken for dead.
const TRY_AGAIN: Duration = Duration::from_millis(50);
/// How long the farewell may take.
const FAREWELL: Duration = Duration::from_secs(1);

pub(crate) struct Keeper {
    settings: LeaseSettings,
    table: Table,
    inner: Arc<Inner>,
    /// This replica.
    id: Arc<str>,
    joined: bool,
    /// Units that had their rows at the last look.
    named: BTreeSet<String>,
    pauses: Pauses,
}

impl Keeper {
    pub fn new(settings: LeaseSettings, table: Table, inner: Arc<Inner>) -> Self {
        Self {
            pauses: Pauses::new(settings.silence, Instant::now()),
            settings,
            table,
            id: inner.id.clone(),
            inner,
            joined: false,
            named: BTreeSet::new(),
        }
    }

    pub async fn run(mut self, stop: CancellationToken) {
        let mut in_trouble = false;
        while !stop.is_cancelled() {
            let began = Instant::now();
            self.lose_what_others_count_lost(began);
            match tokio::time::timeout(ROUND, self.round()).await {
                Ok(Ok(())) => {
                    if in_trouble {
                        tracing::info!(service = self.settings.service, "leases are kept again");
                    }
                    in_trouble = false;
                    self.pauses.went_well(began);
                }
                failed => {
                    let error = match &failed {
                        Ok(Err(error)) => error.to_string(),
                        _ => format!("no answer within {ROUND:?}"),
                    };
                    if !in_trouble {
                        let service = &self.settings.service;
                        tracing::warn!(service, error, "leases cannot be kept");
                    }
                    in_trouble = true;
                    self.pauses.give_time(Instant::now());
                    if failed.is_err() {
                        // The connection may be dead without knowing it.
                        let reopened = tokio::time::timeout(ROUND, self.table.reopen()).await;
                        tracing::debug!(?reopened, "connecting anew");
                    }
                }
            }
            let pause = if in_trouble {
                TRY_AGAIN.min(self.settings.beat)
            } else {
                self.settings.beat
            };
            tokio::select! {
                () = tokio::time::sleep(pause) => {}
                () = self.inner.wake.notified() => {}
                () = stop.cancelled() => {}
            }
        }
        // When the last handle was dropped there is no farewell: nobody waits for it, and what runs may not have ended.
        if self.inner.leaving.load(Ordering::Relaxed) {
            let farewell = async {
                self.flush_returns().await?;
                self.table.leave(&self.id).await
            };
            let said = tokio::time::timeout(FAREWELL, farewell).await;
            tracing::debug!(?said, "farewell");
        }
        self.lose_all();
        let _ = tokio::time::timeout(FAREWELL, self.table.close()).await;
    }

    /// The others count from the last beat that they saw, which came after the round began that is counted from here: what is
    /// lost for them is lost here before.
    fn lose_what_others_count_lost(&mut self, now: Instant) {
        if self.pauses.round_begins(now) > self.settings.ttl {
            self.lose_all();
        }
    }

    fn slots(&self) -> Vec<Arc<Slot>> {
        lock(&self.inner.slots).values().cloned().collect()
    }

    fn lose_all(&self) {
        for slot in self.slots() {
            self.lose(&slot);
        }
    }

    fn lose(&self, slot: &Slot) {
        let hold = slot.hold.send_replace(Hold::default());
        if hold.grant.is_some() {
            tracing::warn!(
                service = self.settings.service,
                unit = slot.unit,
                "a lease is lost"
            );
            metrics::counter!("ordo_leases_lost_total", "kind" => kind(&slot.unit).to_owned())
                .increment(1);
        }
    }

    async fn round(&mut self) -> Result<(), SqlError> {
        self.flush_returns().await?;
        let slots = self.slots();
        let units: Vec<String> = slots.iter().map(|slot| slot.unit.clone()).collect();
        self.beat(&units).await?;
        let mut view = self.table.look().await?;
        if self.give_up_the_dead(&view).await? {
            view = self.table.look().await?;
        }
        // Seen each time: a crash of the database may forget them.
        self.named = view.leases.iter().map(|held| held.unit.clone()).collect();
        self.reconcile(&slots, &view);
        self.share(&slots, &view).await?;
        record(&view, &self.id);
        Ok(())
    }

    async fn beat(&mut self, units: &[String]) -> Result<(), SqlError> {
        let unnamed: Vec<String> = units
            .iter()
            .filter(|unit| !self.named.contains(*unit))
            .cloned()
            .collect();
        if !unnamed.is_empty() {
            self.table.name_units(&unnamed).await?;
        }
        let lines = units.join("\n");
        let leaving = self.inner.leaving.load(Ordering::Relaxed);
        if self.joined && !self.table.beat(&self.id, &lines, leaving).await? {
            tracing::warn!(
                service = self.settings.service,
                "the other replicas have given this one up; joining again"
            );
            self.lose_all();
            self.joined = false;
        }
        if !self.joined {
            self.table.join(&self.id, &lines).await?;
            self.joined = true;
        }
        Ok(())
    }

    /// Whether somebody was given up.
    async fn give_up_the_dead(&self, view: &View) -> Result<bool, SqlError> {
        if !self.pauses.may_judge(Instant::now()) {
            return Ok(false);
        }
        let mut any = false;
        // Taken in the very moment in which the replica was given up.
        let there = |id: &str| view.members.iter().any(|member| member.id == id);
        let held = view.leases.iter().filter(|held| !held.holder.is_empty());
        for held in held.filter(|held| !there(&held.holder)) {
            let grant = Grant {
                holder: held.holder.as_str().into(),
                token: held.token,
            };
            self.table.give_back(&held.unit, &grant).await?;
            any = true;
        }
        for member in view.members.iter().filter(|member| *member.id != *self.id) {
            let Some(patience) = self.exhausted(member) else {
                continue;
            };
            if self.table.give_up(&member.id, patience).await? {
                any = true;
                tracing::warn!(
                    service = self.settings.service,
                    silent = ?member.silent,
                    connected = member.connected,
                    "a replica is gone; its work is taken over"
                );
                metrics::counter!("ordo_replicas_lost_total").increment(1);
            }
        }
        Ok(any)
    }

    /// The patience that a member has exhausted.
    fn exhausted(&self, member: &Member) -> Option<Duration> {
        let patience = if member.connected {
            self.settings.ttl
        } else {
            self.settings.silence
        };
        (member.silent >= patience).then_some(patience)
    }

    /// What the tables say of this replica's units is so.
    fn reconcile(&self, slots: &[Arc<Slot>], view: &View) {
        let held: BTreeMap<&str, (&str, i64)> = view
            .leases
            .iter()
            .map(|held| (held.unit.as_str(), (held.holder.as_str(), held.token)))
            .collect();
        for slot in slots {
            let grant = slot.hold.borrow().grant.clone();
            if let Some(grant) = grant
                && held.get(slot.unit.as_str()) != Some(&(&*grant.holder, grant.token))
            {
                self.lose(slot);
            }
        }
    }

    /// Takes what is free and this replica's to have, and asks for what another shall have.
    async fn share(&self, slots: &[Arc<Slot>], view: &View) -> Result<(), SqlError> {
        let leaving = self.inner.leaving.load(Ordering::Relaxed);
        let staying: Vec<&Member> = view
            .members
            .iter()
            .filter(|member| !member.leaving && self.exhausted(member).is_none())
            .collect();
        let others = staying.iter().filter(|member| *member.id != *self.id);
        self.inner.others.store(others.count(), Ordering::Relaxed);
        let candidates: Vec<Candidate> = staying
            .into_iter()
            .map(|member| Candidate {
                id: member.id.clone(),
                units: member.units.clone(),
            })
            .collect();
        let holders = view
            .leases
            .iter()
            .map(|held| (held.unit.clone(), held.holder.clone()))
            .collect();
        let shares = plan(&candidates, &holders);
        for slot in slots {
            let to = shares.get(&slot.unit).map(String::as_str);
            let mine = slot.hold.borrow().grant.is_some();
            let free = holders.get(&slot.unit).is_some_and(String::is_empty);
            if mine {
                // While nobody else can have it there is no reason to stop.
                let asked = to.is_some_and(|to| to != &*self.id);
                self.inner.ask_back(slot, asked);
            } else if free && !leaving && to == Some(&*self.id) {
                self.take(slot).await?;
            }
        }
        self.give_back_strays(view);
        Ok(())
    }

    /// What the tables say is this replica's and nobody here knows of: a take whose answer was lost.
    fn give_back_strays(&self, view: &View) {
        let slots = lock(&self.inner.slots);
        for held in view.leases.iter().filter(|held| held.holder == *self.id) {
            let known = slots
                .get(&held.unit)
                .is_some_and(|slot| slot.hold.borrow().grant.is_some());
            if !known {
                let grant = Grant {
                    holder: self.id.clone(),
                    token: held.token,
                };
                // Given back again when it is on its way already, which does nothing.
                lock(&self.inner.returns).push((held.unit.clone(), grant));
            }
        }
    }

    async fn take(&self, slot: &Arc<Slot>) -> Result<(), SqlError> {
        let Some(grant) = self.table.take(&slot.unit, &self.id).await? else {
            return Ok(());
        };
        // The claim may have been dropped meanwhile.
        let slots = lock(&self.inner.slots);
        if slots
            .get(&slot.unit)
            .is_some_and(|present| Arc::ptr_eq(present, slot))
        {
            slot.hold.send_replace(Hold {
                grant: Some(grant),
                ..Hold::default()
            });
        } else {
            lock(&self.inner.returns).push((slot.unit.clone(), grant));
        }
        Ok(())
    }

    async fn flush_returns(&self) -> Result<(), SqlError> {
        loop {
            let Some((unit, grant)) = lock(&self.inner.returns).pop() else {
                return Ok(());
            };
            if let Err(error) = self.table.give_back(&unit, &grant).await {
                lock(&self.inner.returns).push((unit, grant));
                return Err(error);
            }
        }
    }
}

fn record(view: &View, id: &str) {
    metrics::gauge!("ordo_replicas").set(view.members.len() as f64);
    let mut held: BTreeMap<&str, u32> = BTreeMap::new();
    for lease in &view.leases {
        *held.entry(kind(&lease.unit)).or_default() += u32::from(lease.holder == id);
    }
    for (kind, count) in held {
        metrics::gauge!("ordo_leases_held", "kind" => kind.to_owned()).set(f64::from(count));
    }
}
