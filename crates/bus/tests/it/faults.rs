use async_nats::jetstream::stream::Config;
use futures::TryStreamExt as _;
use ordo_bus::{Relay, RelaySettings, headers::without_transport};
use ordo_testkit::{Nats, eventually};

use crate::support::{SOON, STREAM, Shop, connect, jetstream, settings, stored};

#[tokio::test]
async fn a_broker_that_is_killed_midway_ends_up_exact() {
    let (nats, shop) = (Nats::start().await.unwrap(), Shop::open().await);
    let bus = connect(&nats).await;
    let relay = shop.relay(&bus).await;
    for round in 0..6 {
        shop.record(1000).await;
        if round % 2 == 0 {
            nats.kill().unwrap();
        } else {
            nats.restart().await.unwrap();
        }
    }
    let status = shop.relayed(&relay).await;
    assert_eq!(status.rebuilds, 0, "{:?}", status.last_fault);
    shop.assert_exact(&bus).await;
}

#[tokio::test]
async fn a_broker_that_comes_back_empty_is_filled_again() {
    let (nats, shop) = (Nats::start().await.unwrap(), Shop::open().await);
    let bus = connect(&nats).await;
    let relay = shop.relay(&bus).await;
    shop.record(1500).await;
    shop.relayed(&relay).await;
    nats.kill().unwrap();
    nats.wipe_store().unwrap();
    nats.restart().await.unwrap();
    eventually(SOON, async || {
        jetstream(&nats).await.get_stream(STREAM).await.is_ok()
    })
    .await;
    shop.record(1).await;
    let status = shop.relayed(&relay).await;
    assert_eq!(status.rebuilds, 1);
    assert!(status.last_fault.unwrap().contains("lost everything"));
    shop.assert_exact(&bus).await;
}

#[tokio::test]
async fn a_disk_that_the_broker_lost_while_nobody_relayed_counts_as_a_rebuild_and_a_first_start_does_not()
 {
    let (nats, shop) = (Nats::start().await.unwrap(), Shop::open().await);
    let bus = connect(&nats).await;
    let relay = shop.relay(&bus).await;
    shop.record(20).await;
    assert_eq!(shop.relayed(&relay).await.rebuilds, 0);
    relay.close().await;
    nats.kill().unwrap();
    nats.wipe_store().unwrap();
    nats.restart().await.unwrap();
    let relay = shop.relay(&bus).await;
    assert_eq!(shop.relayed(&relay).await.rebuilds, 1);
    shop.assert_exact(&bus).await;
}

#[tokio::test]
async fn a_stream_that_somebody_put_in_the_place_of_a_full_one_counts_as_a_rebuild() {
    let (nats, shop) = (Nats::start().await.unwrap(), Shop::open().await);
    let bus = connect(&nats).await;
    let unhurried = RelaySettings {
        compare_interval: SOON * 2,
        ..settings()
    };
    let relay = Relay::start(&bus, shop.log.clone(), unhurried)
        .await
        .unwrap();
    shop.record(20).await;
    shop.relayed(&relay).await;
    let jetstream = jetstream(&nats).await;
    let stream = jetstream.get_stream(STREAM).await.unwrap();
    jetstream.delete_stream(STREAM).await.unwrap();
    jetstream
        .create_stream(stream.cached_info().config.clone())
        .await
        .unwrap();
    shop.record(1).await;
    assert_eq!(shop.relayed(&relay).await.rebuilds, 1);
    shop.assert_exact(&bus).await;
}

#[tokio::test]
async fn a_stream_that_somebody_deletes_is_filled_again_even_when_nothing_happens() {
    let (nats, shop) = (Nats::start().await.unwrap(), Shop::open().await);
    let bus = connect(&nats).await;
    let relay = shop.relay(&bus).await;
    shop.record(100).await;
    shop.relayed(&relay).await;
    jetstream(&nats).await.delete_stream(STREAM).await.unwrap();
    eventually(SOON, async || {
        jetstream(&nats).await.get_stream(STREAM).await.is_ok()
    })
    .await;
    eventually(SOON, async || relay.status()[0].rebuilds == 1).await;
    shop.relayed(&relay).await;
    shop.assert_exact(&bus).await;
}

#[tokio::test]
async fn a_broker_that_lost_its_tail_gets_it_again() {
    let (nats, shop) = (Nats::start().await.unwrap(), Shop::open().await);
    let bus = connect(&nats).await;
    let relay = shop.relay(&bus).await;
    shop.record(50).await;
    shop.relayed(&relay).await;
    let copy = tempfile::tempdir().unwrap();
    nats.kill().unwrap();
    nats.save_store(copy.path()).unwrap();
    nats.restart().await.unwrap();
    shop.record(700).await;
    shop.relayed(&relay).await;
    nats.kill().unwrap();
    nats.restore_store(copy.path()).unwrap();
    nats.restart().await.unwrap();
    shop.record(3).await;
    eventually(SOON, async || {
        bus.is_connected() && shop.compare(&bus).await.behind() == 0
    })
    .await;
    let status = shop.relayed(&relay).await;
    assert_eq!(status.rebuilds, 0, "{:?}", status.last_fault);
    shop.assert_exact(&bus).await;
}

/// Puts the stream's messages into one that allows deleting, changed by `spoil`.
async fn replace_stream(
    nats: &Nats,
    spoil: impl AsyncFnOnce(&async_nats::jetstream::stream::Stream),
) {
    let jetstream = jetstream(nats).await;
    let messages = stored(&jetstream).await;
    jetstream.delete_stream(STREAM).await.unwrap();
    let stream = jetstream
        .create_stream(Config {
            name: STREAM.into(),
            subjects: vec!["ordo.shop.0.>".into()],
            ..Config::default()
        })
        .await
        .unwrap();
    for message in messages {
        jetstream
            .publish_with_headers(
                message.subject,
                without_transport(&message.headers),
                message.payload,
            )
            .await
            .unwrap()
            .await
            .unwrap();
    }
    spoil(&stream).await;
}

#[tokio::test]
async fn a_message_deleted_in_the_middle_makes_the_stream_start_over() {
    let (nats, shop) = (Nats::start().await.unwrap(), Shop::open().await);
    let bus = connect(&nats).await;
    let relay = shop.relay(&bus).await;
    shop.record(60).await;
    shop.relayed(&relay).await;
    relay.close().await;
    replace_stream(&nats, async |stream| {
        stream.delete_message(30).await.unwrap();
    })
    .await;
    let report = shop.compare(&bus).await;
    assert_eq!(report.difference.unwrap().position, 30);

    let relay = shop.relay(&bus).await;
    let status = shop.relayed(&relay).await;
    assert_eq!(status.rebuilds, 1);
    assert!(status.last_fault.unwrap().contains("missing in the middle"));
    shop.assert_exact(&bus).await;
}

#[tokio::test]
async fn a_copy_with_wrong_settings_and_right_messages_is_kept() {
    let (nats, shop) = (Nats::start().await.unwrap(), Shop::open().await);
    let bus = connect(&nats).await;
    let relay = shop.relay(&bus).await;
    shop.record(20).await;
    shop.relayed(&relay).await;
    relay.close().await;
    replace_stream(&nats, async |_| {}).await;
    shop.record(20).await;
    let relay = shop.relay(&bus).await;
    assert_eq!(shop.relayed(&relay).await.rebuilds, 0);
    shop.assert_exact(&bus).await;
    let stream = jetstream(&nats).await.get_stream(STREAM).await.unwrap();
    assert!(stream.cached_info().config.deny_delete);
}

#[tokio::test]
async fn a_stream_that_takes_nothing_any_more_after_a_full_disk_starts_over() {
    let (nats, shop) = (Nats::start().await.unwrap(), Shop::open().await);
    let bus = connect(&nats).await;
    let relay = shop.relay(&bus).await;
    // Its file is longer than what is allowed then; the batch that is staged beside it is not.
    shop.record(300).await;
    shop.relayed(&relay).await;

    nats.limit_files(Some(64 << 10)).unwrap();
    shop.record(20).await;
    eventually(SOON, async || relay.status()[0].trouble.is_some()).await;
    nats.limit_files(None).unwrap();

    let status = shop.relayed(&relay).await;
    assert!(status.rebuilds > 0);
    assert!(
        status
            .last_fault
            .unwrap()
            .contains("takes nothing any more")
    );
    shop.assert_exact(&bus).await;
    assert_eq!(shop.relayed(&relay).await.trouble, None);
}

#[tokio::test]
async fn a_purged_stream_starts_over() {
    let (nats, shop) = (Nats::start().await.unwrap(), Shop::open().await);
    let bus = connect(&nats).await;
    let relay = shop.relay(&bus).await;
    shop.record(20).await;
    shop.relayed(&relay).await;
    relay.close().await;
    replace_stream(&nats, async |stream| {
        stream.purge().await.unwrap();
    })
    .await;
    let relay = shop.relay(&bus).await;
    assert_eq!(shop.relayed(&relay).await.rebuilds, 1);
    shop.assert_exact(&bus).await;
}

#[tokio::test]
async fn a_copy_of_another_history_starts_over() {
    let (nats, shop) = (Nats::start().await.unwrap(), Shop::open().await);
    let bus = connect(&nats).await;
    let relay = shop.relay(&bus).await;
    shop.record(20).await;
    shop.relayed(&relay).await;
    relay.close().await;

    // As after restoring a database that then went on another way.
    let restored = Shop::open().await;
    restored.record(30).await;
    assert_eq!(restored.compare(&bus).await.difference.unwrap().position, 1);
    let relay = restored.relay(&bus).await;
    let status = restored.relayed(&relay).await;
    assert_eq!(status.rebuilds, 1);
    assert!(
        status
            .last_fault
            .unwrap()
            .contains("is not the log's event")
    );
    restored.assert_exact(&bus).await;
}

#[tokio::test]
async fn a_copy_ahead_of_the_log_starts_over() {
    let (nats, shop) = (Nats::start().await.unwrap(), Shop::open().await);
    let bus = connect(&nats).await;
    let relay = shop.relay(&bus).await;
    shop.record(20).await;
    shop.relayed(&relay).await;
    relay.close().await;

    let restored = Shop::open().await;
    restored.record(5).await;
    let relay = restored.relay(&bus).await;
    let status = restored.relayed(&relay).await;
    assert_eq!(status.rebuilds, 1);
    assert!(
        status
            .last_fault
            .unwrap()
            .contains("ends at 20, the log at 5")
    );
    restored.assert_exact(&bus).await;
}

#[tokio::test]
async fn durable_consumers_go_on_behind_what_they_acknowledged_when_the_stream_starts_over() {
    let (nats, shop) = (Nats::start().await.unwrap(), Shop::open().await);
    let bus = connect(&nats).await;
    let relay = shop.relay(&bus).await;
    shop.record(40).await;
    shop.relayed(&relay).await;
    relay.close().await;
    replace_stream(&nats, async |stream| {
        let warehouse = warehouse(stream).await;
        for message in pull(&warehouse, 10).await {
            message.ack().await.unwrap();
        }
        pull(&warehouse, 5).await;
        stream.delete_message(30).await.unwrap();
    })
    .await;

    let relay = shop.relay(&bus).await;
    assert_eq!(shop.relayed(&relay).await.rebuilds, 1);
    shop.assert_exact(&bus).await;
    let stream = jetstream(&nats).await.get_stream(STREAM).await.unwrap();
    let warehouse = stream.get_consumer("warehouse").await.unwrap();
    let sequences: Vec<u64> = pull(&warehouse, 30)
        .await
        .iter()
        .map(|message| message.info().unwrap().stream_sequence)
        .collect();
    assert_eq!(sequences, (11..=40).collect::<Vec<_>>());
}

#[tokio::test]
async fn durable_consumers_begin_again_where_another_history_begins() {
    let (nats, shop) = (Nats::start().await.unwrap(), Shop::open().await);
    let bus = connect(&nats).await;
    let relay = shop.relay(&bus).await;
    shop.record(20).await;
    shop.relayed(&relay).await;
    relay.close().await;
    let stream = jetstream(&nats).await.get_stream(STREAM).await.unwrap();
    for message in pull(&warehouse(&stream).await, 10).await {
        message.ack().await.unwrap();
    }

    let restored = Shop::open().await;
    restored.record(30).await;
    let relay = restored.relay(&bus).await;
    restored.relayed(&relay).await;
    let stream = jetstream(&nats).await.get_stream(STREAM).await.unwrap();
    let warehouse = stream.get_consumer("warehouse").await.unwrap();
    let first = &pull(&warehouse, 1).await[0];
    assert_eq!(first.info().unwrap().stream_sequence, 1);
}

type Warehouse = async_nats::jetstream::consumer::PullConsumer;

async fn warehouse(stream: &async_nats::jetstream::stream::Stream) -> Warehouse {
    stream
        .create_consumer(async_nats::jetstream::consumer::pull::Config {
            durable_name: Some("warehouse".into()),
            ..Default::default()
        })
        .await
        .unwrap()
}

async fn pull(warehouse: &Warehouse, count: usize) -> Vec<async_nats::jetstream::Message> {
    warehouse
        .fetch()
        .max_messages(count)
        .expires(SOON)
        .messages()
        .await
        .unwrap()
        .try_collect()
        .await
        .unwrap()
}
