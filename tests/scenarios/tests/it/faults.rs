//! Processes die, the broker loses its memory, and nothing is lost or done twice.

use futures::future::join_all;
use ordo_cluster::{
    BROKER, Cluster, ClusterError, ClusterOptions, Lines, Ports, Programs, SERVICES,
};
use ordo_proto::{aftersales::CaseKind, intake::FulfilmentStatus};
use ordo_scenarios::{
    Shop, Store,
    orders::{order, quantities},
};
use ordo_testkit::eventually;

const ORDERS: i64 = 40;

/// Places orders, fulfils them and returns every fourth, while `disturb` does its worst in between.
async fn under_load(shop: &Shop, disturb: impl Future<Output = ()>) {
    shop.stock("TEA", 10 * ORDERS).await;
    let lives = join_all((0..ORDERS).map(|number| async move {
        let id = shop.placed(order(&number.to_string(), &[("TEA", 2)])).await;
        shop.fulfil(&id).await;
        if number % 4 == 0 {
            let case_id = shop.open_case(&id, CaseKind::Return, "1", 1).await;
            shop.receive_return(&case_id).await;
            shop.closed_case(&case_id).await;
        }
        id
    }));
    let (ids, ()) = tokio::join!(lives, disturb);
    for (number, id) in ids.iter().enumerate() {
        let returned = i64::from(number % 4 == 0);
        let seen = shop
            .order_when(id, |order| {
                quantities(order, |at| at.returned) == [returned]
            })
            .await;
        assert_eq!(quantities(&seen, |at| at.delivered), [2]);
    }
    let units = 10 * ORDERS - 2 * ORDERS + (ORDERS + 3) / 4;
    shop.available_when("TEA", |row| row.on_hand == units && row.reserved == 0)
        .await;
    shop.verify().await;
}

/// Waits until the service's log has grown by `events`: the load is under way.
async fn grown(shop: &Shop, service: &str, events: u64) {
    eventually(ordo_scenarios::PATIENCE, async || {
        let heads = shop
            .event_log(service)
            .get_heads(ordo_proto::log::GetHeadsRequest {})
            .await;
        heads.is_ok_and(|heads| {
            heads
                .into_inner()
                .heads
                .iter()
                .map(|head| head.position)
                .sum::<u64>()
                >= events
        })
    })
    .await;
}

#[tokio::test]
async fn each_service_is_killed_in_the_middle_and_everything_goes_on_on_sqlite() {
    killed(Store::Sqlite).await;
}

#[tokio::test]
async fn each_service_is_killed_in_the_middle_and_everything_goes_on_on_postgres() {
    killed(Store::Postgres).await;
}

async fn killed(store: Store) {
    let shop = Shop::open(store).await;
    under_load(&shop, async {
        for (round, service) in SERVICES.into_iter().enumerate() {
            grown(&shop, "intake", 60 * (round as u64 + 1)).await;
            shop.cluster.kill(service).unwrap();
            shop.cluster.wait_until_ready(service).await.unwrap();
        }
    })
    .await;
    shop.close().await;
}

#[tokio::test]
async fn a_service_that_is_away_for_a_while_is_caught_up_with() {
    for service in ["inventory", "fulfilment", "aftersales"] {
        let shop = Shop::open(Store::Sqlite).await;
        shop.stock("TEA", 5).await;
        shop.settle().await;
        shop.cluster.take_down(service).await.unwrap();
        let id = shop.placed(order("1", &[("TEA", 1)])).await;
        if service == "aftersales" {
            shop.fulfil(&id).await;
        }
        shop.cluster.resume(service).await.unwrap();
        if service != "aftersales" {
            shop.fulfil(&id).await;
        }
        let case_id = shop.open_case(&id, CaseKind::Return, "1", 1).await;
        shop.receive_return(&case_id).await;
        shop.closed_case(&case_id).await;
        shop.verify().await;
        shop.close().await;
    }
}

#[tokio::test]
async fn without_a_broker_orders_are_still_taken_and_delivered() {
    let shop = Shop::open(Store::Sqlite).await;
    shop.stock("TEA", 5).await;
    shop.cluster.take_down(BROKER).await.unwrap();
    let id = shop.placed(order("1", &[("TEA", 1)])).await;
    shop.fulfil(&id).await;
    shop.cluster.resume(BROKER).await.unwrap();
    shop.verify().await;
    shop.close().await;
}

#[tokio::test]
async fn the_broker_is_killed_in_the_middle() {
    let shop = Shop::open(Store::Sqlite).await;
    under_load(&shop, async {
        for round in 1..=3 {
            grown(&shop, "intake", 70 * round).await;
            shop.cluster.kill(BROKER).unwrap();
        }
    })
    .await;
    shop.close().await;
}

/// Whether a service exports `metric` above zero, with `label` among its labels.
async fn is_above_zero(shop: &Shop, service: &str, metric: &str, label: &str) -> bool {
    let metrics = shop.http_get(service, "/metrics").await.unwrap();
    let mut lines = metrics.lines();
    lines.any(|line| line.starts_with(metric) && line.contains(label) && !line.ends_with(" 0"))
}

#[tokio::test]
async fn the_brokers_store_is_deleted_while_running() {
    let shop = Shop::open(Store::Sqlite).await;
    under_load(&shop, async {
        grown(&shop, "intake", 100).await;
        // A stream that has never had an event is not lost.
        for service in ["intake", "inventory"] {
            eventually(ordo_scenarios::PATIENCE, async || {
                is_above_zero(&shop, service, "ordo_relay_position", "").await
            })
            .await;
        }
        shop.cluster.take_down(BROKER).await.unwrap();
        std::fs::remove_dir_all(shop.cluster.home().join("nats")).unwrap();
        shop.cluster.resume(BROKER).await.unwrap();
    })
    .await;
    // What OrdoBrokerCopyRebuilt watches.
    for service in ["intake", "inventory"] {
        assert!(
            is_above_zero(&shop, service, "ordo_relay_rebuilds_total", "missing").await,
            "{service} does not say that its copy was lost"
        );
    }
    shop.close().await;
}

#[tokio::test]
async fn a_cluster_that_is_stopped_finds_everything_again() {
    let shop = Shop::open(Store::Sqlite).await;
    shop.stock("TEA", 5).await;
    let id = shop.placed(order("1", &[("TEA", 1)])).await;
    shop.order_when(&id, |order| {
        order.fulfilment_status() == FulfilmentStatus::Released
    })
    .await;
    for program in SERVICES.into_iter().chain([BROKER]) {
        shop.cluster.take_down(program).await.unwrap();
    }
    for program in [BROKER].into_iter().chain(SERVICES) {
        shop.cluster.resume(program).await.unwrap();
    }
    shop.fulfil(&id).await;
    shop.verify().await;
    shop.close().await;
}

#[tokio::test]
async fn a_second_cluster_in_the_same_folder_is_refused_and_harms_nothing() {
    let shop = Shop::open(Store::Sqlite).await;
    shop.stock("TEA", 5).await;
    let again = ClusterOptions {
        home: shop.cluster.home().to_owned(),
        store: None,
        tenant: ordo_scenarios::TENANT.to_owned(),
        ports: Ports::Free,
        programs: Programs::find().unwrap(),
        settings: vec![],
    };
    let refused = Cluster::start(again, Lines::ignored()).await.unwrap_err();
    assert!(matches!(refused, ClusterError::Running { .. }), "{refused}");
    let id = shop.placed(order("1", &[("TEA", 1)])).await;
    shop.fulfil(&id).await;
    shop.verify().await;
    shop.close().await;
}
