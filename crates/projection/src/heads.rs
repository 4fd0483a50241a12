//! Where the logs end at the moment, and how far readers are behind.

mod age;

use std::{
    collections::BTreeMap,
    sync::Arc,
    time::{Duration, Instant},
};

use futures::future::join_all;
use ordo_event_log::{Cursor, EventSource, Head};
use ordo_proto::ops::PartitionProgress;

use crate::cursors::{Cursors, Place};
use age::Age;

/// How long to wait for the owner of a log.
const PATIENCE: Duration = Duration::from_secs(2);

/// The end of every partition; `None` where the owner cannot be asked.
pub(crate) async fn heads(sources: &[Arc<dyn EventSource>]) -> Vec<(Place, Option<Head>)> {
    let asked = sources.iter().flat_map(|source| {
        let service: Arc<str> = source.service().into();
        (0..source.partitions()).map(move |partition| {
            let place = (service.clone(), partition);
            async move {
                let head = tokio::time::timeout(PATIENCE, source.head(partition)).await;
                (place, head.ok().and_then(Result::ok))
            }
        })
    });
    join_all(asked).await
}

/// Where the logs end; where an owner is away, `floor`. `None`: the log of `own` is out of reach and there is no floor for it.
///
/// Only the service's own log has to be there: its owner is this service. Another one may be away for as long as it likes,
/// and a service that begins with nothing must be able to answer without it.
pub(crate) async fn ends(
    sources: &[Arc<dyn EventSource>],
    own: &str,
    floor: Option<&Cursors>,
) -> Option<Cursors> {
    let mut ends = Cursors::default();
    for (place, head) in heads(sources).await {
        let end = match (head, floor) {
            (Some(head), _) => Cursor {
                epoch: head.epoch,
                position: head.position,
                hash: head.hash,
            },
            (None, Some(floor)) => floor.get(&place),
            (None, None) if *place.0 == *own => return None,
            (None, None) => Cursor::default(),
        };
        ends.set(place, end);
    }
    Some(ends)
}

/// Progress per partition. Where the owner cannot be asked, the head is what was read.
pub(crate) async fn progress(
    sources: &[Arc<dyn EventSource>],
    cursors: &Cursors,
) -> Vec<PartitionProgress> {
    heads(sources)
        .await
        .into_iter()
        .map(|(place, head)| {
            let position = cursors.get(&place).position;
            PartitionProgress {
                service: place.0.to_string(),
                partition: place.1,
                position,
                head: head.map_or(position, |head| head.position),
            }
        })
        .collect()
}

/// Records how many events and seconds each partition's reader is behind, every few seconds, for ever.
pub(crate) async fn record_lag(
    sources: Vec<Arc<dyn EventSource>>,
    reader: &'static str,
    name: &'static str,
    cursors: impl Fn() -> Cursors + Send,
) {
    let mut ticks = tokio::time::interval(Duration::from_secs(5));
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let mut ages: BTreeMap<(String, u32), Age> = BTreeMap::new();
    loop {
        ticks.tick().await;
        for progress in progress(&sources, &cursors()).await {
            let lag = progress.head.saturating_sub(progress.position);
            let age = ages
                .entry((progress.service.clone(), progress.partition))
                .or_default()
                .seen(Instant::now(), progress.position, progress.head);
            let labels = [
                ("kind", reader.to_owned()),
                ("name", name.to_owned()),
                ("service", progress.service),
                ("partition", progress.partition.to_string()),
            ];
            metrics::gauge!("ordo_reader_lag_events", &labels).set(lag as f64);
            metrics::gauge!("ordo_reader_lag_seconds", &labels).set(age.as_secs_f64());
        }
    }
}
