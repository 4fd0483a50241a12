use ordo_bus::{Bus, BusConfig, Credentials};
use ordo_event_log::Cursor;
use ordo_testkit::{Nats, NatsOptions, NatsUser, eventually};

use crate::support::{SOON, Shop, config, feed, take};

fn user(name: &str, publish: &[&str]) -> NatsUser {
    NatsUser {
        name: name.into(),
        password: format!("{name}-secret"),
        publish: publish.iter().map(ToString::to_string).collect(),
        subscribe: vec![format!("_INBOX_{name}.>")],
    }
}

async fn server() -> Nats {
    Nats::start_with(NatsOptions {
        users: vec![
            user(
                "relay",
                &[
                    "ordo.shop.>",
                    "$JS.API.STREAM.*.ORDO_SHOP_0",
                    "$JS.API.STREAM.MSG.GET.ORDO_SHOP_0",
                    "$JS.API.CONSUMER.CREATE.ORDO_SHOP_0.>",
                    "$JS.API.CONSUMER.MSG.NEXT.ORDO_SHOP_0.>",
                ],
            ),
            user(
                "reader",
                &[
                    "$JS.API.STREAM.INFO.ORDO_SHOP_0",
                    "$JS.API.STREAM.MSG.GET.ORDO_SHOP_0",
                    "$JS.API.CONSUMER.CREATE.ORDO_SHOP_0.>",
                    "$JS.API.CONSUMER.DELETE.ORDO_SHOP_0.>",
                    "$JS.API.CONSUMER.MSG.NEXT.ORDO_SHOP_0.>",
                ],
            ),
        ],
        ..NatsOptions::default()
    })
    .await
    .unwrap()
}

async fn connect(nats: &Nats, name: &str) -> Bus {
    Bus::connect(BusConfig {
        credentials: Credentials::UserPassword {
            user: name.into(),
            password: format!("{name}-secret"),
        },
        inbox_prefix: Some(format!("_INBOX_{name}")),
        request_timeout: std::time::Duration::from_millis(500),
        ..config(nats)
    })
    .await
    .unwrap()
}

#[tokio::test]
async fn relay_and_reader_need_only_their_own_permissions() {
    let (nats, shop) = (server().await, Shop::open().await);
    let relay_bus = connect(&nats, "relay").await;
    let relay = shop.relay(&relay_bus).await;
    shop.record(600).await;
    shop.relayed(&relay).await;
    shop.assert_exact(&relay_bus).await;

    let reader = connect(&nats, "reader").await;
    let mut feed = feed(&reader, shop.owner(), Cursor::default()).await;
    assert_eq!(take(&mut feed, 600).await, shop.events(0).await);
}

#[tokio::test]
async fn a_reader_cannot_publish_events() {
    let (nats, shop) = (server().await, Shop::open().await);
    let relay = shop.relay(&connect(&nats, "relay").await).await;
    shop.record(5).await;
    shop.relayed(&relay).await;

    let reader = connect(&nats, "reader").await;
    let intruder = shop.relay(&reader).await;
    shop.record(5).await;
    shop.relayed(&relay).await;
    relay.close().await;
    shop.record(5).await;
    eventually(SOON, async || intruder.status()[0].trouble.is_some()).await;
    assert_eq!(shop.compare(&reader).await.last, 10);
}

#[tokio::test]
async fn a_wrong_password_leaves_the_bus_unconnected_and_readers_working() {
    let (nats, shop) = (server().await, Shop::open().await);
    shop.record(5).await;
    let bus = Bus::connect(BusConfig {
        credentials: Credentials::UserPassword {
            user: "reader".into(),
            password: "wrong".into(),
        },
        connect_wait: std::time::Duration::from_millis(200),
        ..config(&nats)
    })
    .await
    .unwrap();
    assert!(!bus.is_connected());
    let mut feed = feed(&bus, shop.owner(), Cursor::default()).await;
    assert_eq!(take(&mut feed, 5).await, shop.events(0).await);
}
