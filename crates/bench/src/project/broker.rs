//! A read model fed by the broker, beside the same one fed by the log.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use futures::future::BoxFuture;
use ordo_bus::{Relay, RelaySettings};
use ordo_event_log::{EventLog, EventSource, RecordedEvent, TenantId};
use ordo_projection::{Projection, ProjectionError, ReadModel, ReadModelSettings, Rows, Tx, table};
use ordo_sql::StoreUrl;

use super::{PATIENCE, orders};
use crate::{
    broker::PrivateBroker,
    error::{BenchError, During as _},
};

/// Events per second through each of the two ways.
pub(super) struct Feeds {
    pub log: f64,
    pub broker: f64,
}

table! {
    /// What is known of a stream.
    struct StreamRow in "stream" {
        key { tenant: String, stream: String }
        events: i64,
        bytes: i64,
        last_type: String,
        last_at: i64,
    }
}

/// One row per stream.
struct Streams;

impl Projection for Streams {
    fn name(&self) -> &'static str {
        "streams"
    }

    fn version(&self) -> u32 {
        1
    }

    fn schema(&self) -> &'static [&'static str] {
        &["create table stream (
            tenant text not null, stream text not null, events bigint not null, bytes bigint not null,
            last_type text not null, last_at bigint not null, primary key (tenant, stream))"]
    }

    fn apply<'a>(
        &'a self,
        tx: &'a mut Tx,
        events: &'a [RecordedEvent],
    ) -> BoxFuture<'a, Result<(), ProjectionError>> {
        let key = |event: &RecordedEvent| (event.tenant.to_string(), event.stream.to_string());
        Box::pin(async move {
            let mut streams = Rows::<StreamRow>::load(tx, events.iter().map(key)).await?;
            for event in events {
                let stream = streams.entry(key(event));
                stream.events += 1;
                stream.bytes += event.payload.len() as i64;
                stream.last_type = event.short_type().to_owned();
                stream.last_at = event.time.0;
            }
            streams.save(tx).await?;
            Ok(())
        })
    }
}

/// Fills the log, copies it to a broker of its own, and builds the read model from each.
pub(super) async fn measure(
    log: &EventLog,
    tenant: &TenantId,
    orders: u64,
) -> Result<Feeds, BenchError> {
    orders::write(log, tenant, orders).await?;
    let events = orders * orders::EVENTS_PER_ORDER;
    let broker = PrivateBroker::start().await?;
    let bus = broker.bus("fed").await?;
    let relay = Relay::start(&bus, log.clone(), RelaySettings::default())
        .await
        .during("starting the relay")?;
    let end = Instant::now() + PATIENCE;
    let relayed = || {
        let statuses = relay.status();
        statuses
            .iter()
            .map(|status| status.relayed.unwrap_or(0))
            .sum::<u64>()
    };
    while relayed() < events {
        if Instant::now() >= end {
            return Err(BenchError::Wrong(format!(
                "the relay stays at {} of {events} events",
                relayed()
            )));
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let from_log = build(log, Arc::new(log.clone()), events).await?;
    let from_broker = build(log, Arc::new(bus.source(Arc::new(log.clone()))), events).await?;
    relay.close().await;
    Ok(Feeds {
        log: from_log,
        broker: from_broker,
    })
}

/// Events per second until the read model has them all. It lies in SQLite, whatever the log lies in.
async fn build(
    log: &EventLog,
    source: Arc<dyn EventSource>,
    events: u64,
) -> Result<f64, BenchError> {
    let folder = tempfile::Builder::new()
        .prefix("ordo-bench-")
        .tempdir()
        .during("making a folder for a read model")?;
    let store = StoreUrl::SqliteDir(folder.path().to_owned());
    let started = Instant::now();
    let model = ReadModel::start(
        ReadModelSettings::new(log.service(), store),
        Arc::new(Streams),
        vec![source],
    )
    .await
    .during("starting a read model")?;
    let end = started + PATIENCE;
    loop {
        let status = model.status().await;
        let applied: u64 = status.progress.iter().map(|place| place.position).sum();
        if applied >= events {
            break;
        }
        if Instant::now() >= end {
            return Err(BenchError::Wrong(format!(
                "the read model stays at {applied} of {events} events: {status:?}"
            )));
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let seconds = started.elapsed().as_secs_f64();
    model.close().await;
    Ok(events as f64 / seconds)
}
