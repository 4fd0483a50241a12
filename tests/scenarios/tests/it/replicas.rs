//! Two processes of every service: one is killed, stopped, restarted, and nobody notices more than a pause.

use std::{
    process::Command,
    sync::atomic::{AtomicBool, Ordering},
    time::{Duration, Instant},
};

use futures::future::join_all;
use ordo_cluster::ClusterFile;
use ordo_proto::{
    intake::{FulfilmentStatus, ListOrdersRequest},
    inventory::{ReservationLine, ReserveRequest},
    log::GetHeadsRequest,
    ops::{ListProjectionsRequest, ListReactionsRequest},
};
use ordo_scenarios::{
    PATIENCE, Shop, again, header,
    orders::{order, quantities},
    program::{ordo, said},
};
use ordo_testkit::{Postgres, eventually};
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tonic::{Code, Response, Status};

const REPLICAS: [[&str; 2]; 4] = [
    ["intake", "intake-2"],
    ["inventory", "inventory-2"],
    ["fulfilment", "fulfilment-2"],
    ["aftersales", "aftersales-2"],
];
const KINDS: [&str; 3] = ["relay", "reaction", "projection"];
/// Longest time until another replica has all the work of one that was killed.
const TAKEN_OVER: Duration = Duration::from_secs(2);

/// How many leases of each kind a process holds, as it says itself; `None` when it does not answer.
async fn held(shop: &Shop, program: &str) -> Option<[u32; 3]> {
    let metrics = shop.http_get(program, "/metrics").await?;
    Some(KINDS.map(|kind| {
        let wanted = format!("ordo_leases_held{{kind=\"{kind}\"");
        let line = metrics.lines().find(|line| line.starts_with(&wanted));
        line.map_or(0, |line| {
            line.rsplit(' ').next().unwrap().parse::<f64>().unwrap() as u32
        })
    }))
}

/// How much of each kind a service has to share out.
async fn work_of(shop: &Shop, service: &str) -> [u32; 3] {
    let heads = again(|| async { shop.event_log(service).get_heads(GetHeadsRequest {}).await });
    let reactions = again(|| async {
        let mut operations = shop.operations(service);
        operations.list_reactions(ListReactionsRequest {}).await
    });
    let models = again(|| async {
        let mut operations = shop.operations(service);
        operations.list_projections(ListProjectionsRequest {}).await
    });
    let counts = [
        heads.await.unwrap().heads.len(),
        reactions.await.unwrap().reactions.len(),
        models.await.unwrap().projections.len(),
    ];
    counts.map(|count| u32::try_from(count).unwrap())
}

/// Waits until both replicas hold equal shares of all there is to hold, and says how much that is.
async fn shared(shop: &Shop, [one, two]: [&str; 2]) -> [u32; 3] {
    let total = work_of(shop, one).await;
    assert!(total.iter().all(|count| *count > 0), "{one}: {total:?}");
    eventually(PATIENCE, async || {
        let (Some(one), Some(two)) = (held(shop, one).await, held(shop, two).await) else {
            return false;
        };
        let whole: [u32; 3] = std::array::from_fn(|kind| one[kind] + two[kind]);
        whole == total && one.iter().zip(two).all(|(one, two)| one.abs_diff(two) <= 1)
    })
    .await;
    total
}

/// Waits until `program` holds everything, and says how long after `since` it did.
async fn taken_over(shop: &Shop, program: &str, total: [u32; 3], since: Instant) -> Duration {
    eventually(PATIENCE, async || held(shop, program).await == Some(total)).await;
    since.elapsed()
}

fn signal(shop: &Shop, program: &str, name: &str) {
    let pid = shop.cluster.pid(program).unwrap().unwrap();
    let sent = Command::new("kill").args([name, &pid.to_string()]).status();
    assert!(sent.unwrap().success());
}

/// What customers do all the time.
#[derive(Default)]
struct Load {
    ended: AtomicBool,
}

impl Load {
    /// As any client does: a call that finds nobody is made again, and nothing else is.
    async fn again<T, R>(&self, mut call: impl FnMut() -> R) -> T
    where
        R: Future<Output = Result<Response<T>, Status>>,
    {
        let end = Instant::now() + PATIENCE;
        loop {
            match call().await {
                Ok(answer) => return answer.into_inner(),
                Err(status) if status.code() == Code::Unavailable && Instant::now() < end => {
                    // Not a wait: the pause before asking again.
                    tokio::time::sleep(Duration::from_millis(20)).await;
                }
                Err(status) => panic!("{status:?}"),
            }
        }
    }

    /// Places orders until the load has ended. Each is the same one when it is pushed to the next replica, and in the list that
    /// the one after that shows.
    async fn run(&self, shop: &Shop, lane: &str) -> Vec<String> {
        let mut ids = Vec::new();
        while !self.ended.load(Ordering::Relaxed) {
            let request = order(&format!("{lane}-{}", ids.len()), &[("TEA", 1)]);
            let push = || async { shop.intake().place_order(request.clone()).await };
            let placed = self.again(push).await;
            assert_eq!(self.again(push).await.order_id, placed.order_id);
            let list = ListOrdersRequest {
                channel_order_number: request.channel_order_number.clone(),
                at_least: placed.receipt.unwrap().token,
                ..ListOrdersRequest::default()
            };
            let listed = self
                .again(|| async { shop.intake().list_orders(list.clone()).await })
                .await;
            let listed: Vec<_> = listed.orders.iter().map(|row| &row.order_id).collect();
            assert_eq!(listed, [&placed.order_id]);
            ids.push(placed.order_id);
            // Not a wait: the customer's pace.
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        ids
    }
}

/// Runs `disturb` under load. Then every order is reserved once, and everything verifies.
async fn under_load(shop: &Shop, disturb: impl Future<Output = ()>) {
    const STOCK: i64 = 100_000;
    shop.stock("TEA", STOCK).await;
    let load = Load::default();
    let lanes = ["a", "b"].map(|lane| load.run(shop, lane));
    let disturbed = async {
        disturb.await;
        load.ended.store(true, Ordering::Relaxed);
    };
    let (ids, ()) = tokio::join!(join_all(lanes), disturbed);
    let ids: Vec<String> = ids.into_iter().flatten().collect();
    for id in &ids {
        let order = shop
            .order_when(id, |order| {
                order.fulfilment_status() == FulfilmentStatus::Released
            })
            .await;
        assert_eq!(quantities(&order, |at| at.reserved), [1]);
    }
    let sold = i64::try_from(ids.len()).unwrap();
    assert!(sold > 0);
    shop.available_when("TEA", |row| row.on_hand == STOCK && row.reserved == sold)
        .await;
    shop.verify().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_replicas_work_is_taken_over_within_two_seconds_and_no_answer_is_wrong() {
    let shop = Shop::open_replicated(2).await;
    under_load(&shop, async {
        for [stays, goes] in REPLICAS {
            let total = shared(&shop, [stays, goes]).await;
            let since = Instant::now();
            shop.cluster.take_down(goes).await.unwrap();
            let after = taken_over(&shop, stays, total, since).await;
            println!("{goes} was killed: taken over after {after:?}");
            assert!(after < TAKEN_OVER, "{goes}: {after:?}");
            shop.cluster.resume(goes).await.unwrap();
        }
    })
    .await;
    shop.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_replica_that_was_stopped_for_a_while_does_nothing_twice() {
    let shop = Shop::open_replicated(2).await;
    under_load(&shop, async {
        for [stays, stopped] in [REPLICAS[0], REPLICAS[1]] {
            let total = shared(&shop, [stays, stopped]).await;
            signal(&shop, stopped, "-STOP");
            let after = taken_over(&shop, stays, total, Instant::now()).await;
            println!("{stopped} was stopped: taken over after {after:?}");
            signal(&shop, stopped, "-CONT");
            shared(&shop, [stays, stopped]).await;
        }
    })
    .await;
    shop.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn replicas_are_restarted_in_turn_and_no_call_fails_that_is_made_again() {
    let shop = Shop::open_replicated(2).await;
    under_load(&shop, async {
        for program in REPLICAS.into_iter().flatten() {
            shop.cluster.drain(program).await.unwrap();
            shop.cluster.resume(program).await.unwrap();
        }
    })
    .await;
    shop.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_thousand_buyers_of_a_hundred_units_at_two_replicas() {
    const BUYERS: usize = 2_000;
    const UNITS: i64 = 100;
    const CALLERS: usize = 128;
    let shop = Shop::open_replicated(2).await;
    shop.stock("TEA", UNITS).await;
    let since = Instant::now();
    let lanes = (0..CALLERS).map(|lane| {
        let shop = &shop;
        async move {
            let mut won = 0;
            for buyer in (lane..BUYERS).step_by(CALLERS) {
                let request = ReserveRequest {
                    header: header(),
                    reservation_id: format!("buyer-{buyer}"),
                    attempt: 1,
                    lines: vec![ReservationLine {
                        line_id: "1".to_owned(),
                        sku: "TEA".to_owned(),
                        quantity: 1,
                    }],
                    all_or_nothing: true,
                    ..ReserveRequest::default()
                };
                let answer = again(|| async { shop.inventory().reserve(request.clone()).await })
                    .await
                    .unwrap();
                won += i64::from(!answer.allocations.is_empty());
            }
            won
        }
    });
    let won: i64 = join_all(lanes).await.into_iter().sum();
    println!("{BUYERS} buyers were answered in {:?}", since.elapsed());
    assert_eq!(won, UNITS);
    shop.available_when("TEA", |row| row.reserved == UNITS && row.on_hand == UNITS)
        .await;
    shop.verify().await;
    shop.close().await;
}

#[tokio::test]
async fn ordo_up_starts_two_of_every_service_and_ordo_verify_passes_on_them() {
    let server = Postgres::start_shared().await.unwrap();
    let store = server.fresh_database().await.unwrap();
    let home = tempfile::tempdir().unwrap();
    let mut up = ordo(home.path())
        .args(["up", "--replicas", "2", "--store", &store])
        .args(["--free-ports", "--quiet"])
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(up.stdout.take().unwrap()).lines();
    let mut told = Vec::new();
    while let Some(line) = lines.next_line().await.unwrap() {
        told.push(line);
        if told
            .last()
            .is_some_and(|line| line.contains("Ctrl-C stops"))
        {
            break;
        }
    }
    let file = ClusterFile::read(home.path()).unwrap_or_else(|error| panic!("{error}: {told:?}"));
    for (service, addresses) in &file.services {
        assert_eq!(addresses.split(',').count(), 2, "{service}: {addresses}");
        for address in addresses.split(',') {
            let line = told.iter().find(|line| line.contains(address)).unwrap();
            assert!(line.contains(service.as_str()), "{line}");
        }
    }
    let mut site = ordo(home.path());
    site.args(["catalogue", "site", "main"]);
    said(site).await.unwrap();
    let mut verdicts = String::new();
    // Read models and the broker's copy may be a moment behind what was just decided.
    eventually(PATIENCE, async || {
        let mut verify = ordo(home.path());
        verify.arg("verify");
        match said(verify).await {
            Ok(said) => {
                verdicts = said;
                true
            }
            Err((status, why)) => {
                assert_eq!(status, Some(1), "{why}");
                false
            }
        }
    })
    .await;
    for service in file.services.keys() {
        assert!(verdicts.contains(service.as_str()), "{verdicts}");
    }
    let pid = up.id().unwrap().to_string();
    assert!(Command::new("kill").arg(pid).status().unwrap().success());
    assert!(up.wait().await.unwrap().success());
}
