//! What a replica asks for and is given.

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use ordo_sql::{SqlError, StoreUrl, Tx, params};
use tokio::{
    sync::{Notify, watch},
    task::JoinHandle,
};
use tokio_util::sync::{CancellationToken, DropGuard};

use crate::{keeper::Keeper, table::Table};

/// How replicas of a service find each other, and how soon one is given up.
#[derive(Clone, Debug)]
pub struct LeaseSettings {
    /// The service, for example `intake`; only replicas of one service share units.
    pub service: String,
    /// Where its databases are.
    pub store: StoreUrl,
    /// How often a replica says that it is there.
    pub beat: Duration,
    /// How long a replica whose connection to the database has ended may be silent before it is given up.
    pub silence: Duration,
    /// How long a replica may be silent whose connection is still there.
    pub ttl: Duration,
}

impl LeaseSettings {
    /// The usual settings: a beat of 250 ms, given up after 700 ms without and 4 s with a connection.
    pub fn new(service: &str, store: StoreUrl) -> Self {
        Self {
            service: service.to_owned(),
            store,
            beat: Duration::from_millis(250),
            silence: Duration::from_millis(700),
            ttl: Duration::from_secs(4),
        }
    }
}

/// This replica's part in the sharing. Cheap to clone; when the last clone and the last claim are dropped it ends without a
/// farewell, as a process does that is killed.
#[derive(Clone, Debug)]
pub struct Leases {
    inner: Arc<Inner>,
    _ends_when_dropped: Arc<DropGuard>,
}

#[derive(Debug)]
pub(crate) struct Inner {
    /// Several replicas may be there. If not, everything is this process's own.
    shared: bool,
    /// Finds a lease's row and locks it, where it can be seen from the service's other databases.
    guard: Option<String>,
    pub slots: Mutex<BTreeMap<String, Arc<Slot>>>,
    /// This replica.
    pub id: Arc<str>,
    /// What is to be given back.
    pub returns: Mutex<Vec<(String, Grant)>>,
    /// There is something to do before the next beat.
    pub wake: Notify,
    pub leaving: AtomicBool,
    /// Other replicas that could take over.
    pub others: AtomicUsize,
    stop: CancellationToken,
    keeper: Mutex<Option<JoinHandle<()>>>,
}

/// One unit that this replica can do.
#[derive(Debug)]
pub(crate) struct Slot {
    pub unit: String,
    pub hold: watch::Sender<Hold>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Hold {
    pub grant: Option<Grant>,
    /// Whoever claims the unit knows of the grant: a [`Lease`] gives it back when it is dropped.
    pub taken_up: bool,
    /// Somebody else shall have it.
    pub asked: bool,
}

/// The right to do something, told apart from every earlier one by its token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Grant {
    pub holder: Arc<str>,
    pub token: i64,
}

impl Leases {
    /// Joins the other replicas of the service. On SQLite there are none.
    pub async fn join(settings: LeaseSettings) -> Result<Self, SqlError> {
        if let StoreUrl::SqliteDir(_) = settings.store {
            return Ok(Self::alone());
        }
        let table = Table::open(&settings).await?;
        let guard = table.leases_name().map(|table| {
            format!(
                "select 1 from {table} where unit = $1 and holder = $2 and token = $3 for share"
            )
        });
        let leases = Self::with(true, guard);
        let (inner, stop) = (leases.inner.clone(), leases.inner.stop.clone());
        let keeper = Keeper::new(settings, table, inner);
        *lock(&leases.inner.keeper) = Some(tokio::spawn(keeper.run(stop)));
        Ok(leases)
    }

    /// Everything is this process's own, for ever.
    pub fn alone() -> Self {
        Self::with(false, None)
    }

    fn with(shared: bool, guard: Option<String>) -> Self {
        let stop = CancellationToken::new();
        Self {
            inner: Arc::new(Inner {
                shared,
                guard,
                id: if shared {
                    uuid::Uuid::now_v7().to_string().into()
                } else {
                    "".into()
                },
                slots: Mutex::default(),
                returns: Mutex::default(),
                wake: Notify::new(),
                leaving: AtomicBool::new(false),
                others: AtomicUsize::new(0),
                stop: stop.clone(),
                keeper: Mutex::default(),
            }),
            _ends_when_dropped: Arc::new(stop.drop_guard()),
        }
    }

    /// Says that this replica can do `unit`, named `<kind>/<name>`. One claim for each unit: a second one replaces the first.
    pub fn claim(&self, unit: &str) -> Claim {
        let slot = Arc::new(Slot {
            unit: unit.to_owned(),
            hold: watch::Sender::new(Hold::default()),
        });
        let replaced = lock(&self.inner.slots).insert(unit.to_owned(), slot.clone());
        if let Some(replaced) = replaced {
            self.inner.take_back(&replaced);
        }
        self.inner.wake.notify_one();
        Claim {
            leases: self.clone(),
            slot,
        }
    }

    /// This replica's name among the others; empty when there can be none.
    pub fn id(&self) -> &str {
        &self.inner.id
    }

    /// How many other replicas of the service are there.
    pub fn others(&self) -> usize {
        self.inner.others.load(Ordering::Relaxed)
    }

    /// Asks for everything back that this replica holds, and takes nothing more, as long as another replica is there. Returns
    /// at once.
    pub fn leave(&self) {
        self.inner.leaving.store(true, Ordering::Relaxed);
        self.inner.wake.notify_one();
    }

    /// Gives back whatever is still held and says farewell.
    pub async fn close(&self) {
        self.inner.leaving.store(true, Ordering::Relaxed);
        let slots = lock(&self.inner.slots).clone();
        for slot in slots.values() {
            self.inner.take_back(slot);
        }
        self.inner.stop.cancel();
        let keeper = lock(&self.inner.keeper).take();
        if let Some(keeper) = keeper {
            let _ = keeper.await;
        }
    }
}

impl Inner {
    /// Ends the slot's grant and notes that it is to be given back.
    pub fn take_back(&self, slot: &Slot) {
        let hold = slot.hold.send_replace(Hold::default());
        self.note_return(slot, hold.grant);
    }

    /// Notes whether somebody else shall have what is granted. What nobody has taken up is given back here: there is no lease
    /// to be dropped, and there will be none while somebody else is asking.
    pub fn ask_back(&self, slot: &Slot, asked: bool) {
        let mut unused = None;
        slot.hold.send_if_modified(|hold| {
            let before = hold.clone();
            hold.asked = hold.grant.is_some() && asked;
            if hold.asked && !hold.taken_up {
                unused = std::mem::take(hold).grant;
            }
            *hold != before
        });
        self.note_return(slot, unused);
    }

    fn note_return(&self, slot: &Slot, grant: Option<Grant>) {
        if let Some(grant) = grant {
            lock(&self.returns).push((slot.unit.clone(), grant));
            self.wake.notify_one();
        }
    }
}

/// The wish to do a unit. Dropped, it gives back what it was given.
#[derive(Debug)]
pub struct Claim {
    leases: Leases,
    slot: Arc<Slot>,
}

impl Claim {
    /// Waits until the unit is this replica's. Drop what it gave before asking again.
    pub async fn held(&mut self) -> Lease {
        let lease = |grant| Lease {
            inner: self.leases.inner.clone(),
            slot: self.slot.clone(),
            grant,
        };
        if !self.leases.inner.shared {
            return lease(None);
        }
        let mut changes = self.slot.hold.subscribe();
        loop {
            changes.mark_unchanged();
            let mut grant = None;
            self.slot.hold.send_if_modified(|hold| {
                if !hold.asked {
                    grant.clone_from(&hold.grant);
                    hold.taken_up = grant.is_some();
                }
                // Nobody waits for that.
                false
            });
            if grant.is_some() {
                return lease(grant);
            }
            // The sender is in the slot, which is ours.
            let _ = changes.changed().await;
        }
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        let mut slots = lock(&self.leases.inner.slots);
        if slots
            .get(&self.slot.unit)
            .is_some_and(|present| Arc::ptr_eq(present, &self.slot))
        {
            slots.remove(&self.slot.unit);
        }
        drop(slots);
        self.leases.inner.take_back(&self.slot);
    }
}

/// A unit that is this replica's until it is [over](Lease::over). Dropped, it is given back.
#[derive(Debug)]
pub struct Lease {
    inner: Arc<Inner>,
    slot: Arc<Slot>,
    /// `None`: nobody else is there.
    grant: Option<Grant>,
}

impl Lease {
    /// Waits until the lease is lost, or until another replica shall have it. Then end what is under way and drop this.
    pub async fn over(&self) {
        if self.grant.is_none() {
            return std::future::pending().await;
        }
        let mut hold = self.slot.hold.subscribe();
        // The sender is in the slot, which is ours.
        let _ = hold.wait_for(|hold| self.is_over_by(hold)).await;
    }

    /// Whether [`over`](Self::over) would end.
    pub fn is_over(&self) -> bool {
        self.is_over_by(&self.slot.hold.borrow())
    }

    fn is_over_by(&self, hold: &Hold) -> bool {
        self.grant.is_some() && (hold.asked || hold.grant != self.grant)
    }

    /// Whether it is lost, as far as this process knows. Only [`guard`](Self::guard) knows for certain.
    pub fn is_lost(&self) -> bool {
        self.grant.is_some() && self.slot.hold.borrow().grant != self.grant
    }

    /// Makes sure, in the transaction that is about to write, that nobody has taken over and that nobody can before it ends.
    /// `false`: the lease is lost; give the transaction up.
    pub async fn guard(&self, tx: &mut Tx) -> Result<bool, SqlError> {
        match (&self.grant, &self.inner.guard) {
            (Some(grant), Some(sql)) => {
                let params = params![&self.slot.unit, &*grant.holder, grant.token];
                Ok(tx.fetch_optional(sql, &params).await?.is_some())
            }
            // The writer's own marks must do.
            (Some(_), None) => Ok(!self.is_lost()),
            (None, _) => Ok(true),
        }
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        let Some(grant) = &self.grant else {
            return;
        };
        let mut returned = false;
        self.slot.hold.send_if_modified(|hold| {
            returned = hold.grant.as_ref() == Some(grant);
            if returned {
                *hold = Hold::default();
            }
            returned
        });
        if returned {
            self.inner.note_return(&self.slot, Some(grant.clone()));
        }
    }
}

pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
