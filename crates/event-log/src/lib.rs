#![doc = include_str!("../README.md")]

mod aggregate;
mod batch;
mod cache;
mod command;
mod config;
mod decision;
mod error;
mod event;
mod feed;
mod file;
mod fold;
mod guess;
mod hash;
mod ids;
mod job;
mod limits;
mod log;
mod source;
mod store;
mod telemetry;
mod unit;
mod verify;
mod wire;
mod writer;

#[doc(hidden)]
pub use aggregate::__private;
pub use aggregate::{Aggregate, CodecError, EncodedEvent};
pub use command::{Command, Receipt};
pub use config::EventLogConfig;
pub use error::{ExecuteError, OpenError, ReadError, StoreError};
pub use event::{EventHash, Head, RecordedEvent, StreamId, TenantId, Timestamp};
pub use file::{HIGHEST_EPOCH, LogFile, RESTORED_EPOCH};
pub use hash::hash_event;
pub use limits::{
    MAX_BYTES_PER_COMMAND, MAX_COMMAND_ID, MAX_EVENTS_PER_COMMAND, MAX_METADATA, MAX_PAYLOAD,
    MAX_STREAM_ID,
};
pub use log::EventLog;
pub use source::{Cursor, EventFeed, EventSource, FeedError};
pub use unit::{Halt, NotLoaded, Unit};
pub use verify::{Check, Verification};
pub use wire::{BadEvent, event_from_proto, event_to_proto};
