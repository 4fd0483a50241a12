use std::time::Duration;

use ordo_event_log::EventLog;
use ordo_proto::{
    log::{
        EventFilter, GetHeadsRequest, ReadRequest, SubscribeRequest, SubscribeResponse,
        event_log_client::EventLogClient, subscribe_response::Item,
    },
    types::LogPosition,
};
use ordo_rpc::{Call, EventLogService, SignedChannel, role};
use ordo_testkit::TestStore;
use tokio_util::sync::CancellationToken;
use tonic::{Code, Streaming, service::Routes};

use crate::{
    server::{SOON, TestServer, reason},
    sites,
};

struct World {
    log: EventLog,
    server: TestServer,
    shutdown: CancellationToken,
    _store: TestStore,
}

impl World {
    async fn new(partitions: u32) -> Self {
        Self::limited(partitions, 512).await
    }

    async fn limited(partitions: u32, subscriptions: usize) -> Self {
        let store = ordo_testkit::sqlite().unwrap();
        let log = sites::open(&store, partitions).await;
        let shutdown = CancellationToken::new();
        let service =
            EventLogService::new(log.clone(), shutdown.clone()).max_subscriptions(subscriptions);
        let server = TestServer::start(Routes::new(service.into_server())).await;
        Self {
            log,
            server,
            shutdown,
            _store: store,
        }
    }

    fn client(&self, tenant: Option<&str>, role: &str) -> EventLogClient<SignedChannel> {
        let remote = self.server.remote(&self.server.token(tenant, &[role]));
        EventLogClient::new(remote.stream_channel("inventory", &Call::system()).unwrap())
    }

    fn viewer(&self, tenant: &str) -> EventLogClient<SignedChannel> {
        self.client(Some(tenant), role::VIEWER)
    }
}

fn of_site(id: &str) -> Option<EventFilter> {
    Some(EventFilter {
        types: vec!["ordo.inventory.v1.SitePut".into()],
        aggregate: "site".into(),
        aggregate_id: id.into(),
    })
}

fn at(partition: u32, position: u64) -> LogPosition {
    LogPosition {
        service: "inventory".into(),
        partition,
        position,
        epoch: 0,
    }
}

async fn next(items: &mut Streaming<SubscribeResponse>) -> Item {
    tokio::time::timeout(SOON, items.message())
        .await
        .expect("an item in time")
        .unwrap()
        .expect("the stream goes on")
        .item
        .unwrap()
}

async fn next_event(items: &mut Streaming<SubscribeResponse>) -> (u32, u64, String) {
    loop {
        if let Item::Event(event) = next(items).await {
            return (event.partition, event.position, event.aggregate_id);
        }
    }
}

async fn next_progress(items: &mut Streaming<SubscribeResponse>) -> LogPosition {
    loop {
        if let Item::Progress(place) = next(items).await {
            return place;
        }
    }
}

#[tokio::test]
async fn heads_and_reads_tell_where_the_log_ends_and_what_was_scanned() {
    let world = World::new(2).await;
    for id in ["a", "b", "a"] {
        sites::put(&world.log, "shop", 1, id).await;
    }
    let mut client = world.viewer("shop");
    let heads = client
        .get_heads(GetHeadsRequest {})
        .await
        .unwrap()
        .into_inner();
    assert_eq!(heads.service, "inventory");
    assert_eq!(
        heads
            .heads
            .iter()
            .map(|head| head.position)
            .collect::<Vec<_>>(),
        [0, 3]
    );
    let request = ReadRequest {
        partition: 1,
        after: 0,
        limit: 10,
        filter: of_site("b"),
    };
    let answer = client.read(request).await.unwrap().into_inner();
    assert_eq!(
        answer
            .events
            .iter()
            .map(|event| event.position)
            .collect::<Vec<_>>(),
        [2]
    );
    assert_eq!(answer.scanned_to, 3);
    assert_eq!(answer.head.unwrap().position, 3);
}

#[tokio::test]
async fn reads_beyond_the_end_of_unknown_partitions_or_with_bad_filters_are_refused() {
    let world = World::new(1).await;
    let mut client = world.viewer("shop");
    let read = |partition, after, limit, aggregate_id: &str| ReadRequest {
        partition,
        after,
        limit,
        filter: Some(EventFilter {
            aggregate_id: aggregate_id.into(),
            ..EventFilter::default()
        }),
    };
    for (request, code, expected) in [
        (read(0, 7, 1, ""), Code::DataLoss, "LOG_DIVERGED"),
        (read(9, 0, 1, ""), Code::OutOfRange, "UNKNOWN_PARTITION"),
        (
            read(0, 0, 1001, "x"),
            Code::InvalidArgument,
            "INVALID_REQUEST",
        ),
    ] {
        let status = client.read(request).await.unwrap_err();
        assert_eq!((status.code(), reason(&status).as_str()), (code, expected));
    }
}

#[tokio::test]
async fn a_tenant_sees_its_own_events_and_a_service_all() {
    let world = World::new(1).await;
    for tenant in ["shop", "rival", "shop"] {
        sites::put(&world.log, tenant, 0, "a").await;
    }
    let request = ReadRequest::default();
    for (tenant, role, expected) in [
        (Some("shop"), role::VIEWER, vec![1, 3]),
        (Some("rival"), role::ADMIN, vec![2]),
        (Some("shop"), role::SERVICE, vec![1, 3]),
        (None, role::SERVICE, vec![1, 2, 3]),
        (None, role::ADMIN, vec![1, 2, 3]),
    ] {
        let answer = world
            .client(tenant, role)
            .read(request.clone())
            .await
            .unwrap()
            .into_inner();
        let positions: Vec<_> = answer.events.iter().map(|event| event.position).collect();
        assert_eq!(positions, expected, "{tenant:?} {role}");
        assert_eq!(answer.scanned_to, 3);
    }
}

#[tokio::test]
async fn a_filtered_subscriber_gets_its_events_and_progress_and_reconnects_without_loss_or_repetition()
 {
    let world = World::new(2).await;
    for id in ["a", "b", "a"] {
        sites::put(&world.log, "shop", 0, id).await;
    }
    let mut client = world.viewer("shop");
    let request = SubscribeRequest {
        filter: of_site("a"),
        partitions: vec![0],
        ..SubscribeRequest::default()
    };
    let mut items = client
        .subscribe(request.clone())
        .await
        .unwrap()
        .into_inner();
    assert_eq!(next_event(&mut items).await, (0, 1, "a".into()));
    assert_eq!(next_event(&mut items).await, (0, 3, "a".into()));
    assert_eq!(next_progress(&mut items).await.position, 3);
    // What the filter drops moves the place on all the same.
    sites::put(&world.log, "shop", 0, "b").await;
    let place = next_progress(&mut items).await;
    assert_eq!(place.position, 4);
    drop(items);

    sites::put(&world.log, "shop", 0, "a").await;
    let request = SubscribeRequest {
        after: vec![place],
        ..request
    };
    let mut items = client.subscribe(request).await.unwrap().into_inner();
    assert_eq!(next_event(&mut items).await, (0, 5, "a".into()));
    sites::put(&world.log, "shop", 0, "a").await;
    assert_eq!(next_event(&mut items).await, (0, 6, "a".into()));
}

#[tokio::test]
async fn all_partitions_are_merged_each_in_its_order() {
    let world = World::new(3).await;
    for round in 0..5 {
        for partition in 0..3 {
            sites::put(
                &world.log,
                "shop",
                partition,
                &format!("{partition}-{round}"),
            )
            .await;
        }
    }
    let mut client = world.viewer("shop");
    let mut items = client
        .subscribe(SubscribeRequest::default())
        .await
        .unwrap()
        .into_inner();
    let mut seen = vec![Vec::new(); 3];
    for _ in 0..15 {
        let (partition, position, _) = next_event(&mut items).await;
        seen[partition as usize].push(position);
    }
    assert_eq!(seen, vec![vec![1, 2, 3, 4, 5]; 3]);
}

#[tokio::test]
async fn from_now_skips_what_was_there_before() {
    let world = World::new(1).await;
    sites::put(&world.log, "shop", 0, "old").await;
    let mut client = world.viewer("shop");
    let request = SubscribeRequest {
        from_now: true,
        ..SubscribeRequest::default()
    };
    let mut items = client.subscribe(request).await.unwrap().into_inner();
    assert_eq!(next_progress(&mut items).await.position, 1);
    sites::put(&world.log, "shop", 0, "new").await;
    assert_eq!(next_event(&mut items).await, (0, 2, "new".into()));
}

#[tokio::test]
async fn a_place_that_the_log_does_not_have_is_refused() {
    let world = World::new(1).await;
    sites::put(&world.log, "shop", 0, "a").await;
    let mut client = world.viewer("shop");
    let mut other_epoch = at(0, 1);
    other_epoch.epoch = 99;
    let mut other_service = at(0, 1);
    other_service.service = "intake".into();
    for (place, code) in [
        (at(0, 2), Code::DataLoss),
        (other_epoch, Code::DataLoss),
        (at(5, 0), Code::InvalidArgument),
        (other_service, Code::InvalidArgument),
    ] {
        let request = SubscribeRequest {
            after: vec![place],
            ..SubscribeRequest::default()
        };
        assert_eq!(client.subscribe(request).await.unwrap_err().code(), code);
    }
}

#[tokio::test]
async fn shutdown_ends_subscriptions_and_says_so() {
    let world = World::new(1).await;
    let mut client = world.viewer("shop");
    let mut items = client
        .subscribe(SubscribeRequest::default())
        .await
        .unwrap()
        .into_inner();
    next_progress(&mut items).await;
    world.shutdown.cancel();
    let status = tokio::time::timeout(SOON, async {
        loop {
            if let Err(status) = items.message().await {
                return status;
            }
        }
    })
    .await
    .unwrap();
    assert_eq!(status.code(), Code::Unavailable);
    assert_eq!(reason(&status), "SHUTTING_DOWN");
}

#[tokio::test]
async fn subscriptions_are_bounded_and_their_places_come_back() {
    let world = World::limited(1, 1).await;
    let mut client = world.viewer("shop");
    let items = client
        .subscribe(SubscribeRequest::default())
        .await
        .unwrap()
        .into_inner();
    let status = client
        .subscribe(SubscribeRequest::default())
        .await
        .unwrap_err();
    assert_eq!(reason(&status), "OVERLOADED");
    drop(items);
    ordo_testkit::eventually(SOON, async || {
        client
            .clone()
            .subscribe(SubscribeRequest::default())
            .await
            .is_ok()
    })
    .await;
}

#[tokio::test]
async fn a_subscriber_that_reads_slowly_loses_nothing() {
    let world = World::new(1).await;
    let mut client = world.viewer("shop");
    let mut items = client
        .subscribe(SubscribeRequest::default())
        .await
        .unwrap()
        .into_inner();
    for _ in 0..600 {
        sites::put(&world.log, "shop", 0, "a").await;
    }
    for expected in 1..=600 {
        assert_eq!(next_event(&mut items).await.1, expected);
        if expected % 200 == 0 {
            // Not a wait: a reader that is slow now and then.
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}
