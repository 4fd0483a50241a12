//! NATS JetStream as an exact copy of the event log, and feeds from it.
//!
//! One stream per service and partition, `ORDO_<SERVICE>_<partition>`; **a message's sequence equals its event's
//! position**. [`Relay`] keeps the copy exact, [`JetStreamSource`] reads it (and the owner's log where the copy has
//! nothing to give), [`verify_copy`] compares the two.
//!
//! # What is on the wire
//!
//! A message is the event's protobuf bytes under CloudEvents headers (NATS binding, binary mode) and `ordo-*` headers;
//! together they hold everything that the log holds. See [`headers`]. Its subject is
//! `ordo.<service>.<partition>.<tenant>.<aggregate>.<id>.<Event>`; see [`names`].
//!
//! # What may go wrong, and what is done
//!
//! | what | done |
//! |---|---|
//! | broker away | the relay tries again, readers read the owner's log |
//! | broker lost its tail or all of it | the relay publishes it again |
//! | a second relay, a retry, a zombie | refused by `Nats-Expected-Last-Sequence`; the relay reads the stream's end and goes on |
//! | hole, wrong content, copy ahead of the log | the stream is deleted, created and filled again, with an error in the log; durable consumers are carried over |
//! | old messages dropped by age or size | nothing: readers get them from the owner |
//! | log restored to an earlier state | readers get [`FeedError::Diverged`](ordo_event_log::FeedError::Diverged) and start over |
//!
//! # Permissions
//!
//! The relay of `intake` publishes `ordo.intake.>`, `$JS.API.STREAM.*.ORDO_INTAKE_*`,
//! `$JS.API.STREAM.MSG.GET.ORDO_INTAKE_*`, and, to carry durable consumers over to a stream that starts over,
//! `$JS.API.CONSUMER.LIST.ORDO_INTAKE_*` and `$JS.API.CONSUMER.CREATE.ORDO_INTAKE_*.>`; it subscribes its inbox. A reader publishes
//! `$JS.API.STREAM.INFO.ORDO_INTAKE_*`, `$JS.API.STREAM.MSG.GET.ORDO_INTAKE_*`, `$JS.API.CONSUMER.CREATE.ORDO_INTAKE_*.>`,
//! `$JS.API.CONSUMER.DELETE.ORDO_INTAKE_*.>` and `$JS.API.CONSUMER.MSG.NEXT.ORDO_INTAKE_*.>`, and subscribes its inbox.
//! (NATS has no wildcard for part of a token: write the streams' names out, one per partition.) With
//! [`BusConfig::inbox_prefix`] the inbox is the user's own. The broker answers what is not allowed with silence; the
//! reason is in this crate's log.

mod config;
mod connection;
mod error;
pub mod headers;
pub mod names;
mod owner;
pub mod plugged;
mod publish;
mod reader;
mod relay;
mod source;
mod stream;
mod verify;
mod version;

pub use config::{BusConfig, Credentials, StreamLimits};
pub use connection::Bus;
pub use error::BusError;
pub use owner::OwnerLog;
pub use relay::{Relay, RelaySettings, RelayStatus};
pub use source::JetStreamSource;
pub use verify::{CopyReport, Difference, VerifyError, verify_copy};
pub use version::{OLDEST_SERVER, ServerVersion};
