#![allow(clippy::unwrap_used)]

use futures::{FutureExt as _, future::BoxFuture};
use ordo_event_log::Head;
use tokio::sync::Notify;

use super::*;

/// A log that nobody reaches, which says so when it is asked.
struct OutOfReach(Notify);

impl EventSource for OutOfReach {
    fn service(&self) -> &str {
        "inventory"
    }

    fn partitions(&self) -> u32 {
        1
    }

    fn feed(&self, _: u32, _: Cursor) -> BoxFuture<'_, Result<Box<dyn EventFeed>, FeedError>> {
        self.0.notify_one();
        let error = FeedError::Unavailable {
            service: "inventory".to_owned(),
            source: "connection refused".into(),
        };
        async { Err(error) }.boxed()
    }

    fn head(&self, _: u32) -> BoxFuture<'_, Result<Head, FeedError>> {
        std::future::pending().boxed()
    }
}

/// A replica that lost its lease still showed what had kept it from reading while it had it (found by simulation: seed 1).
#[tokio::test]
async fn troubles_end_with_who_had_them() {
    let troubles = Troubles::default();
    let source = Arc::new(OutOfReach(Notify::new()));
    let sources: [Arc<dyn EventSource>; 1] = [source.clone()];
    let feeds = Feeds::open(&sources, &Cursors::default(), 10, &troubles);
    // It asks again only after it has shown that the first time was in vain.
    source.0.notified().await;
    source.0.notified().await;
    let shown = troubles.first().unwrap();
    assert!(shown.contains("connection refused"), "{shown}");

    drop(feeds);
    let nothing = async {
        while troubles.first().is_some() {
            tokio::task::yield_now().await;
        }
    };
    let soon = tokio::time::timeout(Duration::from_secs(10), nothing).await;
    assert!(soon.is_ok(), "{:?}", troubles.first());
}
