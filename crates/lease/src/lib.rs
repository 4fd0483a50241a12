//! Which replica of a service does what.
//!
//! Replicas of one service share its database, and each says in a table of it, four times a second, that it is there. What
//! only one of them should do at a time is a *unit*: the relay of a partition, a reaction, a read model. Every replica
//! [claims](Leases::claim) the units that it can do; each unit is given to one of them, in equal shares. A replica that joins
//! gets its share from the others, one that [leaves](Leases::leave) gives back at once.
//!
//! A replica that is gone loses its units: after [`silence`](LeaseSettings::silence) when its connection to the database has
//! ended too, as it does at once when a process is killed; after [`ttl`](LeaseSettings::ttl) when the connection is still
//! there, as with a process that is stopped or behind a network that is cut.
//!
//! A lease is no licence to write. A process may stop for any time between looking at its lease and writing. Whoever must not
//! write without it therefore lets the database look, in the transaction that writes: [`Lease::guard`] locks the lease's row
//! until the transaction ends. Nobody can take over in between, and once somebody has, the guard says so. A transaction that
//! is stuck while it holds that lock is cut off by whoever takes over.
//!
//! On SQLite a service has one process, and everything is its own.

mod claim;
mod keeper;
mod pauses;
mod plan;
mod table;

pub use claim::{Claim, Lease, LeaseSettings, Leases};
