//! What a read model's author writes.

use futures::future::BoxFuture;
use ordo_event_log::{CodecError, RecordedEvent};
use ordo_sql::{SqlError, Tx};

/// Folds events into tables.
///
/// What the tables hold must follow from the events alone: no clock, no randomness, no generated row ids, and no
/// dependence on how events of different partitions or services interleave. Then a rebuilt read model equals the one that
/// was kept up to date, and [`ReadModel::verify`](crate::ReadModel::verify) proves it.
pub trait Projection: Send + Sync + 'static {
    /// Names the read model within its service: `a-z 0-9 _`, at most 30 characters. For example `order_list`.
    fn name(&self) -> &'static str;

    /// Raised when [`schema`](Projection::schema) or [`apply`](Projection::apply) changes: the tables are then built anew
    /// beside the old ones.
    fn version(&self) -> u32;

    /// Statements that create the tables and indexes in an empty database, in order. Columns are `bigint`, `text` or
    /// `bytea`; tables have primary keys.
    fn schema(&self) -> &'static [&'static str];

    /// Whether the queries beside this projection can read the tables that `version` left, which stand still while the
    /// new ones are built. Answer false when a query needs a column that `version` did not have: then nothing is served
    /// until the new tables are there, and [`wait_for`](crate::ReadModel::wait_for) says so.
    fn reads_version(&self, _version: u32) -> bool {
        true
    }

    /// Applies `events` (1 to about 1000, in order per partition) inside `tx`, which also moves the checkpoint and is
    /// committed by the caller. Events of types that it does not know are passed over.
    ///
    /// An error rolls everything back; the same events come again, in smaller batches, until they apply. None is ever
    /// skipped.
    fn apply<'a>(
        &'a self,
        tx: &'a mut Tx,
        events: &'a [RecordedEvent],
    ) -> BoxFuture<'a, Result<(), ProjectionError>>;
}

/// Why events could not be applied.
#[derive(Debug, thiserror::Error)]
pub enum ProjectionError {
    /// The database refused or is away.
    #[error("the read model's database failed")]
    Sql(#[from] SqlError),
    /// An event's bytes cannot be read.
    #[error("an event cannot be decoded")]
    Codec(#[from] CodecError),
    /// A protobuf message inside an event or a row cannot be read.
    #[error("a message cannot be decoded")]
    Decode(#[from] prost::DecodeError),
    /// The events contradict what the tables hold.
    #[error("{0}")]
    Inconsistent(String),
}
