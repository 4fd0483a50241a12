//! Publishing the log's next events.

use async_nats::{
    HeaderMap,
    header::{
        NATS_BATCH_COMMIT, NATS_BATCH_COMMIT_FINAL, NATS_BATCH_ID, NATS_BATCH_SEQUENCE,
        NATS_EXPECTED_LAST_SEQUENCE,
    },
    jetstream::{ErrorCode, publish::PublishAck, response::Response},
};
use ordo_crash_point::{CrashPoint, during, reach};
use ordo_event_log::RecordedEvent;

use crate::{
    connection::Link, error::BusError, headers, names, plugged::NewMessage, stream::PartitionStream,
};

/// Most messages of an atomic batch; the server's limit.
pub(crate) const BATCH_MESSAGES: usize = 1000;

/// What came of it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Published {
    /// The stream now ends at this sequence.
    Through(u64),
    /// The stream did not end where we thought: somebody else published, or an answer of ours was lost, or the stream
    /// lost messages. Look at it again.
    LookAgain(String),
}

/// How many of `events` go into one batch: at least one, at most [`BATCH_MESSAGES`], and no more than `bytes` of payload
/// unless the first alone has more.
pub(crate) fn batch_len(events: &[RecordedEvent], bytes: usize) -> usize {
    let mut total = 0_usize;
    events
        .iter()
        .take(BATCH_MESSAGES)
        .take_while(|event| {
            let first = total == 0;
            // At least 1, so that only the very first event finds 0.
            total = total.saturating_add(event.payload.len().max(1));
            first || total <= bytes
        })
        .count()
}

impl PartitionStream {
    /// Publishes `events`, which continue the sequence `last`: all of them or none. Never blocks longer than the request
    /// time-out.
    pub(crate) async fn publish(
        &self,
        last: u64,
        events: &[RecordedEvent],
    ) -> Result<Published, BusError> {
        self.bus.check()?;
        let limit = self.bus.config().request_timeout;
        match tokio::time::timeout(limit, self.send(last, events)).await {
            Ok(published) => published,
            Err(elapsed) => Err(self.failed("take events into", elapsed)),
        }
    }

    async fn send(&self, last: u64, events: &[RecordedEvent]) -> Result<Published, BusError> {
        let Some((final_event, earlier)) = events.split_last() else {
            return Ok(Published::Through(last));
        };
        let batch_id = (!earlier.is_empty()).then(batch_id);
        let mut position_in_batch = 0;
        let mut headers_of = |event: &RecordedEvent| {
            position_in_batch += 1;
            let mut headers = headers::encode(&self.service, event);
            add_transport(
                &mut headers,
                last,
                position_in_batch,
                events.len(),
                batch_id.as_deref(),
            );
            headers
        };
        let mut message = |event: &RecordedEvent| NewMessage {
            subject: self.subject(event),
            headers: headers_of(event),
            payload: event.payload.clone(),
        };
        let answer = match self.bus.link() {
            Link::Nats { client, .. } => {
                for event in earlier {
                    let NewMessage {
                        subject,
                        headers,
                        payload,
                    } = message(event);
                    client
                        .publish_with_headers(subject, headers, payload)
                        .await
                        .map_err(|error| self.failed("take events into", error))?;
                }
                if batch_id.is_some() {
                    reach(CrashPoint::RelayBatchStaged);
                }
                let NewMessage {
                    subject,
                    headers,
                    payload,
                } = message(final_event);
                let request = client.request_with_headers(subject, headers, payload);
                let answer = during(CrashPoint::RelayBatchUnderWay, request)
                    .await
                    .map_err(|error| self.failed("take events into", error))?;
                answer.payload
            }
            Link::Plugged(broker) => {
                let messages = events.iter().map(message).collect();
                broker.publish(&self.name, messages).await?
            }
        };
        let answer: Response<PublishAck> = serde_json::from_slice(&answer)
            .map_err(|error| self.failed("give a readable answer about", error))?;
        self.judge(last + events.len() as u64, answer)
    }

    fn judge(&self, through: u64, answer: Response<PublishAck>) -> Result<Published, BusError> {
        match answer {
            Response::Ok(ack) if ack.duplicate => {
                Ok(Published::LookAgain("the broker has it already".into()))
            }
            Response::Ok(ack) if ack.sequence == through => Ok(Published::Through(through)),
            Response::Ok(ack) => Ok(Published::LookAgain(format!(
                "sequence {} was given instead of {through}",
                ack.sequence
            ))),
            Response::Err { error } => match error.error_code() {
                ErrorCode::STREAM_WRONG_LAST_SEQUENCE
                | ErrorCode::STREAM_WRONG_LAST_SEQUENCE_CONSTANT => {
                    Ok(Published::LookAgain(error.to_string()))
                }
                _ => Err(self.failed("take events into", error)),
            },
        }
    }

    fn subject(&self, event: &RecordedEvent) -> String {
        names::subject(&self.bus.config().prefix, &self.service, event)
    }
}

/// A number that no other open batch has. Only open batches are told apart by it.
fn batch_id() -> String {
    format!("{:016x}", rand::random::<u64>())
}

/// The headers between us and the broker. The expected sequence stands on the first message only: of a batch the server
/// checks it there. `Nats-Msg-Id` and `Nats-Expected-Last-Msg-Id` are never sent: sequences say it all, and one wrong value
/// of the latter freezes a replicated stream.
fn add_transport(headers: &mut HeaderMap, last: u64, nth: usize, of: usize, batch: Option<&str>) {
    if nth == 1 {
        headers.insert(NATS_EXPECTED_LAST_SEQUENCE, last.to_string());
    }
    if let Some(batch) = batch {
        headers.insert(NATS_BATCH_ID, batch);
        headers.insert(NATS_BATCH_SEQUENCE, nth.to_string());
        if nth == of {
            headers.insert(NATS_BATCH_COMMIT, NATS_BATCH_COMMIT_FINAL);
        }
    }
}

#[cfg(test)]
#[path = "publish_tests.rs"]
mod tests;
