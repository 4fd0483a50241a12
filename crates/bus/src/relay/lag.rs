//! How far the copy is behind, as metrics.

use std::time::Instant;

use ordo_event_log::{EventLog, Timestamp};
use tokio::{sync::watch, time::MissedTickBehavior};
use tokio_util::sync::CancellationToken;

use super::{RelaySettings, RelayStatus};

/// Sets `ordo_relay_lag_events` (events not yet in the stream), `ordo_relay_oldest_unrelayed_seconds` (age of the oldest
/// of them; 0 when there is none) and `ordo_relay_position`. As long as the broker has not been reached at all, nothing is
/// known to be relayed, and the age counts from the relay's start.
pub(super) async fn measure(
    log: EventLog,
    status: watch::Receiver<RelayStatus>,
    settings: RelaySettings,
    stop: CancellationToken,
) {
    let started = Instant::now();
    let partition = status.borrow().partition;
    let grown = log.watch(partition);
    let mut ticks = tokio::time::interval(settings.lag_interval);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    while stop.run_until_cancelled(ticks.tick()).await.is_some() {
        let end = *grown.borrow();
        let relayed = status.borrow().relayed;
        let lag = end.saturating_sub(relayed.unwrap_or(0));
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
        metrics::gauge!("ordo_relay_position", &labels).set(relayed.unwrap_or(0) as f64);
    }
}

fn seconds_since(time: Timestamp) -> f64 {
    let micros = Timestamp::now().0.saturating_sub(time.0).max(0);
    micros as f64 / 1e6
}
