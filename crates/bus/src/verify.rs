//! Comparing a whole stream with the log.

use ordo_event_log::{EventHash, EventLog, ReadError, RecordedEvent, hash_event};

use crate::{
    connection::Bus,
    error::BusError,
    headers, names,
    reader::{StoredMessage, StreamReader},
    stream::PartitionStream,
};

/// Events read from the log at a time.
const CHUNK: u32 = 500;

/// Why a copy could not be compared.
#[derive(Debug, thiserror::Error)]
pub enum VerifyError {
    /// The broker did not answer, or has no such stream.
    #[error("the copy cannot be read")]
    Broker(#[from] BusError),
    /// The log did not answer.
    #[error("the log cannot be read")]
    Log(#[from] ReadError),
}

/// What comparing a stream with the log found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CopyReport {
    /// Partition compared.
    pub partition: u32,
    /// Position of the stream's oldest message; above 1 when the broker dropped old ones. 0 for an empty stream.
    pub first: u64,
    /// Position of the stream's newest message when the comparison began; 0 for an empty stream.
    pub last: u64,
    /// The log's end after the comparison.
    pub log_end: u64,
    /// How many messages were compared.
    pub compared: u64,
    /// The first message that is not the log's event, and why.
    pub difference: Option<Difference>,
}

impl CopyReport {
    /// Everything that the stream holds is the log's.
    pub fn is_exact(&self) -> bool {
        self.difference.is_none()
    }

    /// Events that the stream does not have yet.
    pub fn behind(&self) -> u64 {
        self.log_end.saturating_sub(self.last)
    }
}

/// Where copy and log differ.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// Position at which they do.
    pub position: u64,
    /// What differs.
    pub detail: String,
}

/// Compares every message that the stream of a partition holds at present with the log's event at that position: subject,
/// headers, payload and hash, and the chain of hashes. Stops at the first difference. Needs memory for a few hundred
/// events.
pub async fn verify_copy(
    bus: &Bus,
    log: &EventLog,
    partition: u32,
) -> Result<CopyReport, VerifyError> {
    let stream = PartitionStream::new(bus, log.service(), partition);
    let state = stream
        .state()
        .await?
        .ok_or_else(|| BusError::NoStream(stream.name.clone()))?;
    let mut report = CopyReport {
        partition,
        first: if state.messages == 0 { 0 } else { state.first },
        last: state.last,
        log_end: 0,
        compared: 0,
        difference: None,
    };
    if state.messages > 0 {
        compare(&stream, log, &mut report).await?;
    }
    report.log_end = log.read_head(partition).await?.position;
    if report.difference.is_none() && report.last > report.log_end {
        report.difference = Some(Difference {
            position: report.log_end + 1,
            detail: format!("the log ends at {}", report.log_end),
        });
    }
    Ok(report)
}

async fn compare(
    stream: &PartitionStream,
    log: &EventLog,
    report: &mut CopyReport,
) -> Result<(), VerifyError> {
    let mut messages = StreamReader::open(stream, report.first).await?;
    let mut expected = LogReader::open(log, report.partition, report.first).await?;
    let mut position = report.first;
    while position <= report.last {
        let message = next(stream, &mut messages).await?;
        let dropped = message.sequence > position
            && stream
                .state()
                .await?
                .is_some_and(|state| state.first >= message.sequence);
        if dropped {
            // By age or size, since we began.
            position = message.sequence;
            expected = LogReader::open(log, report.partition, position).await?;
        }
        let found = if message.sequence == position {
            expected.check(stream, &message).await?
        } else {
            Some(format!("missing; sequence {} comes next", message.sequence))
        };
        if let Some(detail) = found {
            report.difference = Some(Difference { position, detail });
            return Ok(());
        }
        report.compared += 1;
        position += 1;
    }
    Ok(())
}

/// The next message; the stream is known to have one, so silence is an error.
async fn next(
    stream: &PartitionStream,
    messages: &mut StreamReader,
) -> Result<StoredMessage, BusError> {
    let limit = stream.bus.config().request_timeout;
    match tokio::time::timeout(limit, messages.next()).await {
        Ok(message) => message,
        Err(elapsed) => Err(stream.failed("go on giving", elapsed)),
    }
}

/// Walks along the log.
struct LogReader<'a> {
    log: &'a EventLog,
    partition: u32,
    /// Last position handed out.
    position: u64,
    /// Its hash; `None` when it is not known (and need not be, for the first event).
    hash: Option<EventHash>,
    chunk: std::vec::IntoIter<RecordedEvent>,
}

impl<'a> LogReader<'a> {
    async fn open(log: &'a EventLog, partition: u32, first: u64) -> Result<Self, ReadError> {
        let position = first.saturating_sub(1);
        let hash = if position == 0 {
            Some(EventHash::default())
        } else {
            let before = log.read(partition, position - 1, 1).await?;
            before.first().map(|event| event.hash)
        };
        Ok(Self {
            log,
            partition,
            position,
            hash,
            chunk: Vec::new().into_iter(),
        })
    }

    /// What is wrong with the message that should be the log's next event.
    async fn check(
        &mut self,
        stream: &PartitionStream,
        message: &StoredMessage,
    ) -> Result<Option<String>, ReadError> {
        if self.chunk.len() == 0 {
            let chunk = self.log.read(self.partition, self.position, CHUNK).await?;
            self.chunk = chunk.into_iter();
        }
        let Some(event) = self.chunk.next() else {
            return Ok(Some("the log has no such event".into()));
        };
        self.position += 1;
        let previous = self.hash.replace(event.hash);
        if event.position != self.position {
            return Ok(Some(format!("the log goes on at {}", event.position)));
        }
        if previous.is_some_and(|previous| hash_event(&previous, &event) != event.hash) {
            return Ok(Some(
                "the log's own hash does not follow from the event before".into(),
            ));
        }
        Ok(difference(stream, message, &event))
    }
}

/// How a message differs from the log's event; `None` when it is its exact copy.
pub(crate) fn difference(
    stream: &PartitionStream,
    message: &StoredMessage,
    event: &RecordedEvent,
) -> Option<String> {
    let copied = match headers::decode(&message.headers, message.payload.clone()) {
        Ok(copied) => copied,
        Err(error) => return Some(error.to_string()),
    };
    if copied.hash != event.hash {
        return Some(format!("hash {} instead of {}", copied.hash, event.hash));
    }
    if copied != *event {
        return Some("the same hash over other content".into());
    }
    let subject = names::subject(&stream.bus.config().prefix, &stream.service, event);
    if message.subject != subject {
        return Some(format!(
            "subject `{}` instead of `{subject}`",
            message.subject
        ));
    }
    let own = headers::without_transport(&message.headers);
    (own != headers::encode(&stream.service, event))
        .then(|| "headers that the event has not".into())
}
