//! How far the copy is behind, as metrics.

use std::time::Instant;

use metrics::{Unit, describe_counter, describe_gauge};
use ordo_event_log::{EventLog, Timestamp};
use tokio::{sync::watch, time::MissedTickBehavior};
use tokio_util::sync::CancellationToken;

use super::{RelaySettings, RelayStatus};

/// Says what the relay's metrics mean.
pub(super) fn describe() {
    describe_gauge!(
        "ordo_relay_position",
        "Position up to which the broker's copy is exact"
    );
    describe_gauge!(
        "ordo_relay_lag_events",
        "Events of the log that the broker's copy does not have yet"
    );
    describe_gauge!(
        "ordo_relay_oldest_unrelayed_seconds",
        Unit::Seconds,
        "Age of the oldest event that the broker's copy does not have; 0 when it has all"
    );
    describe_counter!("ordo_relay_published_total", "Events published");
    describe_counter!(
        "ordo_relay_rebuilds_total",
        "How often a stream was found wrong or missing and filled anew from the log"
    );
    describe_counter!(
        "ordo_feed_distrusted_total",
        "How often a reader found the broker's copy wrong and turned to the owner's log"
    );
    describe_counter!(
        "ordo_bus_refusals_total",
        "Errors that the broker reported, such as missing permissions"
    );
}

/// Measures until told to stop. As long as the broker has not been reached at all, nothing is known to be relayed, and the
/// age of the oldest event counts from the relay's start.
pub(super) async fn measure(
    log: EventLog,
    status: watch::Receiver<RelayStatus>,
    settings: RelaySettings,
    stop: CancellationToken,
) {
    let started = Instant::now();
    let partition = status.borrow().partition;
    // There from the beginning, so that the first increase is seen.
    for reason in ["missing", "ahead", "hole", "dropped", "differs", "refuses"] {
        metrics::counter!("ordo_relay_rebuilds_total",
            "service" => log.service().to_owned(),
            "partition" => partition.to_string(),
            "reason" => reason)
        .increment(0);
    }
    let grown = log.watch(partition);
    let mut ticks = tokio::time::interval(settings.lag_interval);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    while stop.run_until_cancelled(ticks.tick()).await.is_some() {
        let end = *grown.borrow();
        let (relayed, stands_by) = {
            let status = status.borrow();
            (status.relayed, status.stands_by)
        };
        // The replica that relays the partition measures.
        let lag = if stands_by {
            0
        } else {
            end.saturating_sub(relayed.unwrap_or(0))
        };
        let age = match relayed {
            _ if lag == 0 => 0.0,
            None => started.elapsed().as_secs_f64(),
            Some(relayed) => match log.read(partition, relayed, 1).await {
                Ok(events) => events
                    .first()
                    .map_or(0.0, |event| seconds_since(event.time)),
                Err(error) => {
                    tracing::debug!(%error, "the lag cannot be measured");
                    continue;
                }
            },
        };
        let labels = [
            ("service", log.service().to_owned()),
            ("partition", partition.to_string()),
        ];
        metrics::gauge!("ordo_relay_lag_events", &labels).set(lag as f64);
        metrics::gauge!("ordo_relay_oldest_unrelayed_seconds", &labels).set(age);
        if !stands_by {
            metrics::gauge!("ordo_relay_position", &labels).set(relayed.unwrap_or(0) as f64);
        }
    }
}

fn seconds_since(time: Timestamp) -> f64 {
    let micros = Timestamp::now().0.saturating_sub(time.0).max(0);
    micros as f64 / 1e6
}
