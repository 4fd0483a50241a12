use std::{sync::Arc, time::Duration};

use ordo_bus::OwnerLog as _;
use ordo_event_log::{Cursor, EventFeed, EventHash, EventSource, FeedError, RecordedEvent};
use ordo_rpc::{
    ASSUMED_PARTITIONS, EventLogService, Remote, RemoteLog, RemoteSettings, RemoteSource,
    TokenSource, role,
};
use tokio_util::sync::CancellationToken;
use tonic::service::Routes;

use crate::{
    server::{SOON, TestServer},
    sites,
};

async fn next(feed: &mut Box<dyn EventFeed>, max: usize) -> Result<Vec<RecordedEvent>, FeedError> {
    tokio::time::timeout(SOON, feed.next(max))
        .await
        .expect("events in time")
}

#[tokio::test]
async fn a_log_read_through_its_owner_is_the_log_itself() {
    let store = ordo_testkit::sqlite().unwrap();
    let log = sites::open(&store, 2).await;
    let service = EventLogService::new(log.clone(), CancellationToken::new());
    let server = TestServer::start(Routes::new(service.into_server())).await;
    let remote = server.remote(&server.token(None, &[role::SERVICE]));
    let owner = Arc::new(RemoteLog::new(remote, "inventory"));
    assert_eq!(owner.partitions(), ASSUMED_PARTITIONS);
    assert_eq!(owner.learn_partitions().await.unwrap(), 2);
    for id in ["a", "b", "c"] {
        sites::put(&log, "shop", 1, id).await;
    }
    let stored = log.read(1, 0, 10).await.unwrap();
    assert_eq!(owner.read(1, 0, 10).await.unwrap(), stored);
    assert_eq!(
        EventSource::head(&log, 1).await.unwrap(),
        owner.head(1).await.unwrap()
    );

    let source = RemoteSource::new(owner, None);
    assert_eq!(source.partitions(), 2);
    let mut feed = source.feed(1, Cursor::default()).await.unwrap();
    let mut seen = Vec::new();
    while seen.len() < 3 {
        seen.extend(next(&mut feed, 2).await.unwrap());
    }
    assert_eq!(seen, stored);
    sites::put(&log, "shop", 1, "d").await;
    assert_eq!(next(&mut feed, 9).await.unwrap()[0].position, 4);

    let cursor = Cursor {
        epoch: stored[1].epoch,
        position: 2,
        hash: stored[1].hash,
    };
    let mut feed = source.feed(1, cursor).await.unwrap();
    assert_eq!(next(&mut feed, 1).await.unwrap()[0].position, 3);
    let foreign = Cursor {
        hash: EventHash([7; 32]),
        ..cursor
    };
    let error = source
        .feed(1, foreign)
        .await
        .err()
        .expect("another history");
    assert!(
        matches!(error, FeedError::Diverged { position: 2, .. }),
        "{error}"
    );
}

#[tokio::test]
async fn a_partition_that_was_only_assumed_stays_silent() {
    let store = ordo_testkit::sqlite().unwrap();
    let log = sites::open(&store, 1).await;
    let service = EventLogService::new(log, CancellationToken::new());
    let server = TestServer::start(Routes::new(service.into_server())).await;
    let remote = server.remote(&server.token(None, &[role::SERVICE]));
    let source = RemoteSource::new(Arc::new(RemoteLog::new(remote, "inventory")), None);
    let mut feed = source.feed(7, Cursor::default()).await.unwrap();
    let waited = tokio::time::timeout(Duration::from_millis(50), feed.next(1)).await;
    assert!(waited.is_err());
    assert_eq!(source.head(7).await.unwrap().position, 0);
}

#[tokio::test]
async fn an_owner_that_is_away_is_unavailable_and_nothing_else() {
    let gone = std::net::TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    let settings = RemoteSettings {
        peers: [("inventory".to_owned(), format!("http://{gone}"))].into(),
        ..RemoteSettings::default()
    };
    let remote = Remote::new(settings, TokenSource::fixed("x")).unwrap();
    let source = RemoteSource::new(Arc::new(RemoteLog::new(remote, "inventory")), None);
    let error = source
        .feed(0, Cursor::default())
        .await
        .err()
        .expect("nobody there");
    assert!(matches!(error, FeedError::Unavailable { .. }), "{error}");
}
