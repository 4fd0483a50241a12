#![doc = include_str!("../README.md")]

mod backoff;
mod catalogue;
mod compare;
mod cursors;
mod feeds;
mod follower;
mod heads;
mod projection;
mod reaction;
mod reactor;
mod read_model;
mod rows;
mod shared_source;
mod trace;
mod wait;

pub use compare::Comparison;
pub use ordo_sql as sql;
pub use ordo_sql::{Db, Tx};
pub use projection::{Projection, ProjectionError};
pub use reaction::{Reaction, ReactionContext, ReactionError, Timer};
pub use reactor::{Reactor, ReactorSettings};
pub use read_model::{ReadModel, ReadModelSettings, Rebuild, RebuildError};
pub use rows::{Rows, TableRow};
pub use shared_source::SharedSource;
pub use trace::{TraceHooks, install_trace_hooks};
pub use wait::NotYet;
