use ordo_bus::{Bus, BusConfig, BusError, Relay, RelaySettings, verify_copy};
use ordo_event_log::{EventLog, EventLogConfig};
use ordo_testkit::{Nats, eventually};
use tokio::{
    io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader},
    net::TcpListener,
};

use crate::support::{SOON, STREAM, Shop, connect, jetstream, record, settings, stored};

#[tokio::test]
async fn the_copy_is_exact_for_single_events_and_for_batches() {
    let (nats, shop) = (Nats::start().await.unwrap(), Shop::open().await);
    let bus = connect(&nats).await;
    let relay = shop.relay(&bus).await;
    shop.record(1).await;
    shop.relayed(&relay).await;
    shop.record(2500).await;
    shop.relayed(&relay).await;
    shop.record(1).await;
    let status = shop.relayed(&relay).await;
    assert_eq!(status.rebuilds, 0);
    shop.assert_exact(&bus).await;
    relay.close().await;
}

#[tokio::test]
async fn a_message_is_a_cloud_event_on_its_own_subject() {
    let (nats, shop) = (Nats::start().await.unwrap(), Shop::open().await);
    let bus = connect(&nats).await;
    let relay = shop.relay(&bus).await;
    shop.record(2).await;
    shop.relayed(&relay).await;
    let messages = stored(&jetstream(&nats).await).await;
    let message = &messages[1];
    assert_eq!(
        message.subject.as_str(),
        "ordo.shop.0.acme.site.Lager%2E1%20%2A%200.SitePut"
    );
    let header = |name: &str| message.headers.get(name).map(ToString::to_string);
    assert_eq!(
        header("ce-type").as_deref(),
        Some("ordo.inventory.v1.SitePut")
    );
    assert_eq!(header("ce-source").as_deref(), Some("/ordo/shop"));
    assert_eq!(header("ordo-position").as_deref(), Some("2"));
    assert_eq!(header("Nats-Msg-Id"), None);
    assert_eq!(header("Nats-Expected-Last-Msg-Id"), None);
}

#[tokio::test]
async fn the_stream_has_the_settings_that_exactness_needs() {
    let (nats, shop) = (Nats::start().await.unwrap(), Shop::open().await);
    let relay = shop.relay(&connect(&nats).await).await;
    shop.relayed(&relay).await;
    let jetstream = jetstream(&nats).await;
    let stream = jetstream.get_stream(STREAM).await.unwrap();
    let config = &stream.cached_info().config;
    assert!(config.deny_delete && config.deny_purge);
    assert!(config.allow_atomic_publish && config.allow_direct);
    assert!(config.max_bytes > 0 && !config.max_age.is_zero());
    assert_eq!(
        config.compression,
        Some(async_nats::jetstream::stream::Compression::S2)
    );
}

#[tokio::test]
async fn two_relays_at_once_make_one_exact_copy() {
    let (nats, shop) = (Nats::start().await.unwrap(), Shop::open().await);
    let (one_bus, two_bus) = (connect(&nats).await, connect(&nats).await);
    let small = RelaySettings {
        batch_events: 7,
        ..settings()
    };
    let one = Relay::start(&one_bus, shop.log.clone(), small)
        .await
        .unwrap();
    let two = Relay::start(&two_bus, shop.log.clone(), small)
        .await
        .unwrap();
    for _ in 0..40 {
        shop.record(25).await;
    }
    let statuses = [shop.relayed(&one).await, shop.relayed(&two).await];
    assert!(statuses.iter().all(|status| status.rebuilds == 0));
    shop.assert_exact(&one_bus).await;
}

#[tokio::test]
async fn a_log_that_was_there_before_the_broker_is_published_from_its_first_event() {
    let (nats, shop) = (Nats::start().await.unwrap(), Shop::open().await);
    nats.kill().unwrap();
    shop.record(1200).await;
    let bus = Bus::connect(BusConfig {
        connect_wait: std::time::Duration::from_millis(100),
        ..crate::support::config(&nats)
    })
    .await
    .unwrap();
    assert!(!bus.is_connected());
    let relay = shop.relay(&bus).await;
    eventually(SOON, async || relay.status()[0].trouble.is_some()).await;
    assert_eq!(relay.status()[0].relayed, None);
    nats.restart().await.unwrap();
    shop.relayed(&relay).await;
    shop.assert_exact(&bus).await;
}

#[tokio::test]
async fn a_relay_that_starts_again_goes_on_where_the_stream_ends() {
    let (nats, shop) = (Nats::start().await.unwrap(), Shop::open().await);
    let bus = connect(&nats).await;
    let relay = shop.relay(&bus).await;
    shop.record(10).await;
    shop.relayed(&relay).await;
    relay.close().await;
    shop.record(10).await;
    assert_eq!(shop.compare(&bus).await.behind(), 10);
    let relay = shop.relay(&bus).await;
    assert_eq!(shop.relayed(&relay).await.rebuilds, 0);
    shop.assert_exact(&bus).await;
}

#[tokio::test]
async fn a_batch_larger_than_the_server_takes_is_refused_at_once() {
    let (nats, shop) = (Nats::start().await.unwrap(), Shop::open().await);
    let bus = connect(&nats).await;
    let too_many = RelaySettings {
        batch_events: 1001,
        ..settings()
    };
    let refused = Relay::start(&bus, shop.log.clone(), too_many).await;
    assert!(matches!(refused, Err(BusError::Config(_))));
}

/// Speaks just enough of the protocol to be connected to.
async fn server_of_version(version: &'static str) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((mut socket, _)) = listener.accept().await {
            let info = format!(
                "INFO {{\"server_id\":\"old\",\"server_name\":\"old\",\"host\":\"127.0.0.1\",\"port\":{},\"version\":\"{version}\",\"proto\":1,\"go\":\"go1\",\"headers\":true,\"max_payload\":1048576,\"client_id\":1}}\r\n",
                address.port()
            );
            tokio::spawn(async move {
                socket.write_all(info.as_bytes()).await.ok();
                let mut lines = BufReader::new(socket);
                let mut line = String::new();
                while lines.read_line(&mut line).await.is_ok_and(|read| read > 0) {
                    if line.starts_with("PING") {
                        lines.get_mut().write_all(b"PONG\r\n").await.ok();
                    }
                    line.clear();
                }
            });
        }
    });
    format!("nats://{address}")
}

#[tokio::test]
async fn a_server_without_atomic_batches_is_refused_by_name() {
    let url = server_of_version("2.9.10").await;
    let refused = Bus::connect(BusConfig::new(url)).await.err().unwrap();
    assert!(matches!(refused, BusError::ServerTooOld { .. }));
    assert_eq!(
        refused.to_string(),
        "nats-server 2.9.10 is too old; 2.12.0 or newer is needed (atomic batches)"
    );
}

#[tokio::test]
async fn a_server_that_does_not_say_what_it_is_is_refused() {
    let url = server_of_version("nightly").await;
    let refused = Bus::connect(BusConfig::new(url)).await.err().unwrap();
    assert!(matches!(refused, BusError::UnknownServer(_)));
}

#[tokio::test]
async fn every_partition_has_its_own_exact_copy() {
    let nats = Nats::start().await.unwrap();
    let store = ordo_testkit::sqlite().unwrap();
    let config = EventLogConfig::new("shop", store.store_url()).partitions(3);
    let log = EventLog::open(config).await.unwrap();
    let bus = connect(&nats).await;
    let relay = Relay::start(&bus, log.clone(), settings()).await.unwrap();
    for partition in 0..3 {
        record(&log, partition, 10 + u64::from(partition)).await;
    }
    for partition in 0..3 {
        let head = log.read_head(partition).await.unwrap().position;
        let mut status = relay.watch(partition).unwrap();
        let copied = status.wait_for(|status| status.relayed == Some(head));
        tokio::time::timeout(SOON, copied).await.unwrap().unwrap();
        let report = verify_copy(&bus, &log, partition).await.unwrap();
        assert_eq!((report.compared, report.is_exact()), (head, true));
        assert_eq!(head, 10 + u64::from(partition));
    }
    assert!(relay.watch(3).is_none());
}
