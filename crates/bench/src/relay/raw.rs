//! The floor: messages that are ready made, in raw atomic batches.

use std::time::{Duration, Instant};

use async_nats::{
    Client, HeaderMap,
    header::{
        NATS_BATCH_COMMIT, NATS_BATCH_COMMIT_FINAL, NATS_BATCH_ID, NATS_BATCH_SEQUENCE,
        NATS_EXPECTED_LAST_SEQUENCE,
    },
    jetstream::{
        self,
        publish::PublishAck,
        response::Response,
        stream::{Compression, Config, StorageType},
    },
};
use bytes::Bytes;
use ordo_bus::headers;
use ordo_event_log::EventLog;

use crate::{
    broker::PrivateBroker,
    error::{BenchError, During as _},
};

/// Messages of a batch: the broker's limit.
pub(super) const BATCH: u64 = 1000;

/// One batch of messages, equal in size to those of the relay, sent again and again.
pub(super) struct Raw<'a> {
    broker: &'a PrivateBroker,
    messages: Vec<(HeaderMap, Bytes)>,
}

impl<'a> Raw<'a> {
    pub async fn prepare(broker: &'a PrivateBroker, log: &EventLog) -> Result<Self, BenchError> {
        let events = log
            .read(0, 0, BATCH as u32)
            .await
            .during("reading the log")?;
        Ok(Self {
            broker,
            messages: events
                .iter()
                .map(|event| (headers::encode(log.service(), event), event.payload.clone()))
                .collect(),
        })
    }

    /// Messages per second on a new stream with the settings of the relay's.
    pub async fn publish(&self, prefix: &str, count: u64) -> Result<f64, BenchError> {
        let client = self.broker.client().await?;
        let name = format!("RAW_{prefix}");
        let subject = format!("raw.{prefix}.0.bench.notebook.01hzzzzzzzzzzzzzzzzzzzzzzz.Noted");
        jetstream::new(client.clone())
            .create_stream(Config {
                name: name.clone(),
                subjects: vec![format!("raw.{prefix}.>")],
                storage: StorageType::File,
                deny_delete: true,
                deny_purge: true,
                allow_direct: true,
                allow_atomic_publish: true,
                compression: Some(Compression::S2),
                ..Config::default()
            })
            .await
            .during("creating the floor's stream")?;
        let started = Instant::now();
        let mut sent = 0;
        while sent < count {
            let size = BATCH.min(count - sent).min(self.messages.len() as u64);
            sent = self.batch(&client, &subject, sent, size).await?;
        }
        let seconds = started.elapsed().as_secs_f64();
        delete(&client, &name).await?;
        Ok(count as f64 / seconds)
    }

    /// One batch. The stream's end after it.
    async fn batch(
        &self,
        client: &Client,
        subject: &str,
        last: u64,
        size: u64,
    ) -> Result<u64, BenchError> {
        let step = "publishing the floor's messages";
        let id = uuid::Uuid::now_v7().simple().to_string();
        for (number, (headers, payload)) in (1..=size).zip(&self.messages) {
            let mut headers = headers.clone();
            headers.insert(NATS_BATCH_ID, id.as_str());
            headers.insert(NATS_BATCH_SEQUENCE, number.to_string());
            if number == 1 {
                headers.insert(NATS_EXPECTED_LAST_SEQUENCE, last.to_string());
            }
            if number < size {
                client
                    .publish_with_headers(subject.to_owned(), headers, payload.clone())
                    .await
                    .during(step)?;
                continue;
            }
            headers.insert(NATS_BATCH_COMMIT, NATS_BATCH_COMMIT_FINAL);
            let answer = client
                .request_with_headers(subject.to_owned(), headers, payload.clone())
                .await
                .during(step)?;
            let answer: Response<PublishAck> =
                serde_json::from_slice(&answer.payload).during("reading the broker's answer")?;
            match answer {
                Response::Ok(ack) if ack.sequence == last + size => {}
                other => {
                    return Err(BenchError::Wrong(format!(
                        "a raw batch was answered with {other:?}"
                    )));
                }
            }
        }
        Ok(last + size)
    }
}

/// Removes a stream, so that the next round begins with an empty broker.
pub(super) async fn delete(client: &Client, name: &str) -> Result<(), BenchError> {
    let context = jetstream::new(client.clone());
    tokio::time::timeout(Duration::from_secs(30), context.delete_stream(name))
        .await
        .during("deleting a stream")?
        .during("deleting a stream")?;
    Ok(())
}
