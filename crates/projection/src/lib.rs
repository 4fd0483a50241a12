//! Read models and reactions that follow event logs.

mod projection;
mod reaction;
mod rows;
mod trace;

pub use ordo_sql as sql;
pub use ordo_sql::{Db, Tx};
pub use projection::{Projection, ProjectionError};
pub use reaction::{Reaction, ReactionContext, ReactionError, Timer};
pub use rows::{Rows, TableRow};
pub use trace::{TraceHooks, install_trace_hooks};
