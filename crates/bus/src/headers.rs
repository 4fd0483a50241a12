//! An event as headers and payload, and back.
//!
//! | header | holds |
//! |---|---|
//! | `ce-specversion` | `1.0` |
//! | `ce-id` | event id (UUID) |
//! | `ce-source` | `/ordo/<service>` |
//! | `ce-type` | full protobuf name |
//! | `ce-subject` | `<aggregate>/<id>` |
//! | `ce-time` | RFC 3339, UTC, microseconds |
//! | `ce-datacontenttype` | `application/protobuf` |
//! | `traceparent` | W3C trace context of the command |
//! | `ordo-partition`, `ordo-position`, `ordo-epoch`, `ordo-stream-version` | decimal |
//! | `ordo-tenant`, `ordo-aggregate`, `ordo-aggregate-id` | whose event, and of which stream |
//! | `ordo-hash` | hex |
//! | `ordo-actor-kind`, `ordo-actor-id` | who; kind as in `ordo.type.v1.ActorKind` |
//! | `ordo-causation-id`, `ordo-correlation-id`, `ordo-command-id`, `ordo-reason` | event metadata |
//! | `ordo-time` | microseconds since 1970, only where RFC 3339 has no year for it |
//!
//! Values are percent-encoded as the CloudEvents NATS binding wants it: the space, `"`, `%` and everything outside
//! printable ASCII become `%` and two hex digits per byte of UTF-8. A header that would be empty is left out.

use std::fmt::Write as _;

use async_nats::{HeaderMap, HeaderName, HeaderValue};
use bytes::Bytes;
use jiff::fmt::temporal::DateTimePrinter;
use ordo_event_log::{EventHash, RecordedEvent, StreamId, TenantId, Timestamp};
use ordo_proto::{
    log::EventMetadata,
    types::{Actor, ActorKind},
};
use uuid::Uuid;

/// Why a message is no event of a log.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum HeaderError {
    /// A header that every event has.
    #[error("header {0} is missing")]
    Missing(&'static str),
    /// A header whose value this crate does not write.
    #[error("header {name} has the value `{value}`")]
    Invalid {
        /// Its name.
        name: &'static str,
        /// Its value, cut after 100 characters.
        value: String,
    },
}

macro_rules! names {
    ($($constant:ident = $name:literal),+ $(,)?) => {
        $(const $constant: &str = $name;)+
    };
}
names! {
    SPEC_VERSION = "ce-specversion",
    ID = "ce-id",
    SOURCE = "ce-source",
    TYPE = "ce-type",
    SUBJECT = "ce-subject",
    TIME = "ce-time",
    CONTENT_TYPE = "ce-datacontenttype",
    TRACEPARENT = "traceparent",
    PARTITION = "ordo-partition",
    POSITION = "ordo-position",
    EPOCH = "ordo-epoch",
    STREAM_VERSION = "ordo-stream-version",
    TENANT = "ordo-tenant",
    AGGREGATE = "ordo-aggregate",
    AGGREGATE_ID = "ordo-aggregate-id",
    HASH = "ordo-hash",
    ACTOR_KIND = "ordo-actor-kind",
    ACTOR_ID = "ordo-actor-id",
    CAUSATION = "ordo-causation-id",
    CORRELATION = "ordo-correlation-id",
    COMMAND = "ordo-command-id",
    REASON = "ordo-reason",
    ODD_TIME = "ordo-time",
}

/// The headers of `service`'s event.
pub fn encode(service: &str, event: &RecordedEvent) -> HeaderMap {
    let mut headers = HeaderMap::new();
    put(&mut headers, SPEC_VERSION, "1.0");
    put(&mut headers, CONTENT_TYPE, "application/protobuf");
    put(
        &mut headers,
        ID,
        event
            .event_id
            .as_hyphenated()
            .encode_lower(&mut Uuid::encode_buffer()),
    );
    put(&mut headers, SOURCE, &format!("/ordo/{service}"));
    put(&mut headers, TYPE, &event.type_name);
    put(&mut headers, SUBJECT, &event.stream.to_string());
    match rfc3339(event.time) {
        Some(time) => put(&mut headers, TIME, &time),
        None => put(&mut headers, ODD_TIME, &event.time.0.to_string()),
    }
    for (name, number) in [
        (PARTITION, u64::from(event.partition)),
        (POSITION, event.position),
        (EPOCH, event.epoch),
        (STREAM_VERSION, event.stream_version),
    ] {
        headers.insert(HeaderName::from_static(name), HeaderValue::from(number));
    }
    put(&mut headers, HASH, &event.hash.to_string());
    put(&mut headers, TENANT, event.tenant.as_str());
    put(&mut headers, AGGREGATE, &event.stream.aggregate);
    put(&mut headers, AGGREGATE_ID, &event.stream.id);

    let metadata = &event.metadata;
    if let Some(actor) = &metadata.actor {
        match ActorKind::try_from(actor.kind) {
            Ok(kind) => put(&mut headers, ACTOR_KIND, kind.as_str_name()),
            Err(_) => put(&mut headers, ACTOR_KIND, &actor.kind.to_string()),
        }
        put(&mut headers, ACTOR_ID, &actor.id);
    }
    for (name, text) in [
        (CAUSATION, &metadata.causation_id),
        (CORRELATION, &metadata.correlation_id),
        (TRACEPARENT, &metadata.traceparent),
        (COMMAND, &metadata.command_id),
        (REASON, &metadata.reason),
    ] {
        put(&mut headers, name, text);
    }
    headers
}

/// The event that [`encode`] made the headers of. Refuses everything else, without panicking.
pub fn decode(headers: &HeaderMap, payload: Bytes) -> Result<RecordedEvent, HeaderError> {
    Ok(RecordedEvent {
        partition: parsed(headers, PARTITION, |text| text.parse().ok())?,
        position: parsed(headers, POSITION, |text| text.parse().ok())?,
        epoch: parsed(headers, EPOCH, |text| text.parse().ok())?,
        tenant: parsed(headers, TENANT, TenantId::new)?,
        stream: StreamId {
            aggregate: text(headers, AGGREGATE)?.into(),
            id: text(headers, AGGREGATE_ID)?.into(),
        },
        stream_version: parsed(headers, STREAM_VERSION, |text| text.parse().ok())?,
        event_id: parsed(headers, ID, |text| Uuid::try_parse(text).ok())?,
        type_name: parsed(headers, TYPE, |text| Some(text.into()))?,
        time: time(headers)?,
        payload,
        metadata: EventMetadata {
            actor: actor(headers)?,
            causation_id: text(headers, CAUSATION)?,
            correlation_id: text(headers, CORRELATION)?,
            traceparent: text(headers, TRACEPARENT)?,
            command_id: text(headers, COMMAND)?,
            reason: text(headers, REASON)?,
        },
        hash: parsed(headers, HASH, |text| {
            let mut hash = [0; 32];
            hex::decode_to_slice(text, &mut hash).ok()?;
            Some(EventHash(hash))
        })?,
    })
}

/// The headers without those that are between the publisher and the broker (`Nats-*`); the broker stores them too.
pub fn without_transport(headers: &HeaderMap) -> HeaderMap {
    let mut own = HeaderMap::new();
    for (name, values) in headers.iter() {
        let bytes: &[u8] = name.as_ref();
        if !bytes.starts_with(b"Nats-") {
            for value in values {
                own.append(name.clone(), value.clone());
            }
        }
    }
    own
}

fn put(headers: &mut HeaderMap, name: &'static str, value: &str) {
    if !value.is_empty() {
        headers.insert(
            HeaderName::from_static(name),
            HeaderValue::from(escape(value)),
        );
    }
}

/// The value of a header that may be left out.
fn text(headers: &HeaderMap, name: &'static str) -> Result<String, HeaderError> {
    match headers.get(HeaderName::from_static(name)) {
        None => Ok(String::new()),
        Some(value) => unescape(value.as_str()).ok_or_else(|| invalid(name, value.as_str())),
    }
}

fn parsed<T>(
    headers: &HeaderMap,
    name: &'static str,
    parse: impl FnOnce(&str) -> Option<T>,
) -> Result<T, HeaderError> {
    let value = text(headers, name)?;
    if value.is_empty() {
        return Err(HeaderError::Missing(name));
    }
    parse(&value).ok_or_else(|| invalid(name, &value))
}

fn invalid(name: &'static str, value: &str) -> HeaderError {
    HeaderError::Invalid {
        name,
        value: value.chars().take(100).collect(),
    }
}

fn actor(headers: &HeaderMap) -> Result<Option<Actor>, HeaderError> {
    if headers.get(HeaderName::from_static(ACTOR_KIND)).is_none() {
        return Ok(None);
    }
    let kind = parsed(headers, ACTOR_KIND, |text| {
        ActorKind::from_str_name(text)
            .map(i32::from)
            .or_else(|| text.parse().ok())
    })?;
    Ok(Some(Actor {
        kind,
        id: text(headers, ACTOR_ID)?,
    }))
}

/// `None` for years before 0 or after 9999.
fn rfc3339(time: Timestamp) -> Option<String> {
    const PRINTER: DateTimePrinter = DateTimePrinter::new().precision(Some(6));
    let time = jiff::Timestamp::from_microsecond(time.0).ok()?;
    let year = time.to_zoned(jiff::tz::TimeZone::UTC).year();
    (0..=9999)
        .contains(&year)
        .then(|| PRINTER.timestamp_to_string(&time))
}

fn time(headers: &HeaderMap) -> Result<Timestamp, HeaderError> {
    if headers.get(HeaderName::from_static(ODD_TIME)).is_some() {
        return parsed(headers, ODD_TIME, |text| text.parse().ok().map(Timestamp));
    }
    parsed(headers, TIME, |text| {
        let time: jiff::Timestamp = text.parse().ok()?;
        Some(Timestamp(time.as_microsecond()))
    })
}

/// Percent-encodes as section 3.1.3.2 of the CloudEvents NATS binding says.
fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'"' | b'%' => push_escaped(&mut escaped, byte),
            0x21..=0x7e => escaped.push(char::from(byte)),
            _ => push_escaped(&mut escaped, byte),
        }
    }
    escaped
}

fn push_escaped(escaped: &mut String, byte: u8) {
    let _ = write!(escaped, "%{byte:02X}");
}

/// `None` for a broken escape or bytes that are not UTF-8.
fn unescape(text: &str) -> Option<String> {
    if !text.contains('%') {
        return Some(text.to_owned());
    }
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte != b'%' {
            bytes.push(byte);
            continue;
        }
        let digits = [rest.next()?, rest.next()?];
        let mut decoded = [0];
        hex::decode_to_slice(digits, &mut decoded).ok()?;
        bytes.push(decoded[0]);
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
#[path = "headers_tests.rs"]
mod tests;
