//! Replicas that share a Postgres database.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use ordo_lease::{LeaseSettings, Leases};
use ordo_sql::{Db, OpenOptions, StoreUrl, params};
use ordo_testkit::{Postgres, eventually};
use tokio::task::JoinSet;

const PATIENCE: Duration = Duration::from_secs(30);
const UNITS: [&str; 6] = [
    "relay/0",
    "relay/1",
    "relay/2",
    "relay/3",
    "reaction/a",
    "projection/x/1",
];

async fn store() -> StoreUrl {
    let server = Postgres::start_shared().await.unwrap();
    server.fresh_database().await.unwrap().parse().unwrap()
}

/// A database of the same service, beside the leases.
async fn effects(store: &StoreUrl) -> Db {
    let db = store
        .open("shop.effects", OpenOptions::durable())
        .await
        .unwrap();
    let sql = "create table if not exists effect (who text not null)";
    db.execute(sql, &[]).await.unwrap();
    db
}

/// A process that works on whatever it is given.
struct Replica {
    leases: Leases,
    works_on: Arc<Mutex<BTreeSet<&'static str>>>,
    _workers: JoinSet<()>,
}

impl Replica {
    async fn start(store: &StoreUrl) -> Self {
        let leases = Leases::join(LeaseSettings::new("shop", store.clone()))
            .await
            .unwrap();
        let works_on = Arc::new(Mutex::new(BTreeSet::new()));
        let mut workers = JoinSet::new();
        for unit in UNITS {
            let mut claim = leases.claim(unit);
            let works_on = works_on.clone();
            workers.spawn(async move {
                loop {
                    let lease = claim.held().await;
                    works_on.lock().unwrap().insert(unit);
                    lease.over().await;
                    works_on.lock().unwrap().remove(unit);
                }
            });
        }
        Self {
            leases,
            works_on,
            _workers: workers,
        }
    }

    fn count(&self) -> usize {
        self.works_on.lock().unwrap().len()
    }

    async fn has(&self, count: usize) {
        eventually(PATIENCE, async || self.count() == count).await;
    }
}

#[tokio::test]
async fn replicas_share_equally_and_one_that_leaves_gives_back_at_once() {
    let store = store().await;
    let one = Replica::start(&store).await;
    one.has(UNITS.len()).await;
    let two = Replica::start(&store).await;
    two.has(3).await;
    one.has(3).await;
    assert!(
        one.works_on
            .lock()
            .unwrap()
            .is_disjoint(&two.works_on.lock().unwrap())
    );
    let begun = Instant::now();
    two.leases.leave();
    one.has(UNITS.len()).await;
    println!("given back after {:?}", begun.elapsed());
    assert_eq!(two.count(), 0);
    two.leases.close().await;
    // The last one keeps everything until it ends.
    one.leases.leave();
    eventually(PATIENCE, async || one.leases.others() == 0).await;
    assert_eq!(one.count(), UNITS.len());
    one.leases.close().await;
    assert_eq!(one.count(), 0);
}

/// Found by simulation (seed 105): nobody had the unit whose holder was asked for it before it knew that it was the holder.
#[tokio::test]
async fn a_unit_that_nobody_has_taken_up_is_given_back_when_another_replica_shall_have_it() {
    let store = store().await;
    let join = async || {
        Leases::join(LeaseSettings::new("shop", store.clone()))
            .await
            .unwrap()
    };
    let busy = join().await;
    let mut claims = [busy.claim("reaction/a"), busy.claim("reaction/b")];
    let leases = store
        .open("shop.leases", OpenOptions::durable().max_connections(1))
        .await
        .unwrap();
    // Granted, and nobody has come to take them up.
    let granted = "select 1 from lease where holder = $1";
    eventually(PATIENCE, async || {
        let rows = leases.fetch_all(granted, &params![busy.id()]).await;
        rows.unwrap().len() == 2
    })
    .await;
    let other = join().await;
    let mut a = other.claim("reaction/a");
    let mut b = other.claim("reaction/b");
    let asked = async {
        tokio::select! {
            lease = a.held() => (lease, 1),
            lease = b.held() => (lease, 0),
        }
    };
    let (_theirs, remaining) = tokio::time::timeout(PATIENCE, asked).await.unwrap();
    let [a, b] = &mut claims;
    let remaining = [a, b].into_iter().nth(remaining).unwrap();
    let ours = tokio::time::timeout(PATIENCE, remaining.held());
    assert!(!ours.await.unwrap().is_over());
}

#[tokio::test]
async fn what_a_killed_replica_had_is_taken_over_soon() {
    let store = store().await;
    let one = Replica::start(&store).await;
    let two = Replica::start(&store).await;
    one.has(3).await;
    two.has(3).await;
    let begun = Instant::now();
    // No farewell: its connections end, as the system ends those of a killed process.
    drop(two);
    one.has(UNITS.len()).await;
    let taken = begun.elapsed();
    println!("taken over after {taken:?}");
    // Within one second on a machine that does nothing else.
    assert!(taken < Duration::from_secs(5), "{taken:?}");
}

#[tokio::test]
async fn a_replica_that_stands_still_is_cut_off_and_can_write_no_more() {
    let store = store().await;
    let effects = effects(&store).await;
    // It beats once, and then again only when it is looked for.
    let still = LeaseSettings {
        beat: Duration::from_secs(3_600),
        ..LeaseSettings::new("shop", store.clone())
    };
    let still = Leases::join(still).await.unwrap();
    let mut claim = still.claim("reaction/a");
    let old = claim.held().await;
    // It was stopped in the midst of a transaction, after the guard.
    let mut open = effects.begin().await.unwrap();
    assert!(old.guard(&mut open).await.unwrap());
    let write = "insert into effect (who) values ($1)";
    open.execute(write, &params!["old"]).await.unwrap();

    let begun = Instant::now();
    let other = Leases::join(LeaseSettings::new("shop", store))
        .await
        .unwrap();
    let mut other_claim = other.claim("reaction/a");
    let new = other_claim.held().await;
    println!("taken over after {:?}", begun.elapsed());
    let mut tx = effects.begin().await.unwrap();
    assert!(new.guard(&mut tx).await.unwrap());
    tx.execute(write, &params!["new"]).await.unwrap();
    tx.commit().await.unwrap();

    // It wakes up.
    assert!(open.commit().await.is_err());
    let mut late = effects.begin().await.unwrap();
    assert!(!old.guard(&mut late).await.unwrap());
    late.rollback().await.unwrap();
    let who = effects
        .fetch_all("select who from effect", &[])
        .await
        .unwrap();
    assert_eq!(who.len(), 1);
    assert_eq!(who[0].text(0).unwrap(), "new");
}

#[tokio::test]
async fn a_database_that_restarts_costs_nobody_a_lease() {
    let store = store().await;
    let one = Replica::start(&store).await;
    let two = Replica::start(&store).await;
    one.has(3).await;
    two.has(3).await;
    // One connection, which spares itself.
    let leases = store
        .open("shop.leases", OpenOptions::durable().max_connections(1))
        .await
        .unwrap();
    let tokens = async || {
        let sql = "select unit, holder, token from lease order by unit";
        let rows = leases.fetch_all(sql, &[]).await.unwrap();
        rows.iter()
            .map(|row| {
                (
                    row.text(0).unwrap(),
                    row.text(1).unwrap(),
                    row.i64(2).unwrap(),
                )
            })
            .collect::<Vec<_>>()
    };
    let before = tokens().await;
    let end_all = "select pid::bigint, pg_terminate_backend(pid) from pg_stat_activity
        where datname = current_database() and pid <> pg_backend_pid()";
    let mut ended = BTreeSet::new();
    for _ in 0..3 {
        // As soon as somebody is connected again.
        eventually(PATIENCE, async || {
            let rows = leases.fetch_all(end_all, &[]).await.unwrap();
            let pids = rows.iter().map(|row| row.i64(0).unwrap());
            pids.filter(|pid| ended.insert(*pid)).count() > 0
        })
        .await;
    }
    // Both have gone on for longer than a silent replica without a connection is given.
    let beats = async |which: &str| {
        let sql = format!("select {which}(beat) from member");
        leases.fetch_all(&sql, &[]).await.unwrap()[0]
            .i64(0)
            .unwrap()
    };
    let long_after = beats("max").await + 1_500_000;
    eventually(PATIENCE, async || beats("min").await >= long_after).await;
    assert_eq!(tokens().await, before);
    assert_eq!((one.count(), two.count()), (3, 3));
}

/// The tables are not durable, and a crash of the database forgets what it last committed.
#[tokio::test]
async fn units_that_a_crash_of_the_database_has_forgotten_are_given_again() {
    let store = store().await;
    let one = Replica::start(&store).await;
    one.has(UNITS.len()).await;
    let leases = store
        .open("shop.leases", OpenOptions::durable().max_connections(1))
        .await
        .unwrap();
    leases.execute("delete from lease", &[]).await.unwrap();
    eventually(PATIENCE, async || {
        let rows = leases.fetch_all("select unit from lease", &[]).await;
        rows.unwrap().len() == UNITS.len()
    })
    .await;
    one.has(UNITS.len()).await;
}
