//! What is said to SQLite, whoever runs it: texts, and parameters in their order.

use std::fmt::Write as _;

use bytes::Bytes;
use ordo_sql::Value;
use sqlx::{error::BoxDynError, sqlite::SqliteArguments};

use super::{CommandRecord, Commit, Snapshot, load::Wanted, rows::command_columns};
use crate::event::{RecordedEvent, TenantId};

pub(super) const CREATE_LOG: &str = "insert into log (service, partitions, format) select ?, ?, ? where not exists (select 1 from log)";

pub(super) const READ_LOG: &str = "select service, partitions, format from log";

/// A head per partition; the parameter is their number.
pub(super) const CREATE_HEADS: &str =
    "with recursive n(n) as (select 0 union all select n + 1 from n where n + 1 < ?)
     insert into heads (partition, epoch, position, hash, time)
     select n, 1, 0, zeroblob(32), 0 from n where true on conflict do nothing";

/// Where parameters go.
pub(super) trait Sink {
    fn add<'a>(&mut self, value: impl Into<Param<'a>>) -> Result<(), BoxDynError>;
}

/// One parameter.
pub(super) enum Param<'a> {
    I64(i64),
    Text(&'a str),
    Bytes(&'a [u8]),
}

impl From<i64> for Param<'_> {
    fn from(value: i64) -> Self {
        Self::I64(value)
    }
}

impl<'a> From<&'a str> for Param<'a> {
    fn from(value: &'a str) -> Self {
        Self::Text(value)
    }
}

impl<'a> From<&'a [u8]> for Param<'a> {
    fn from(value: &'a [u8]) -> Self {
        Self::Bytes(value)
    }
}

impl Sink for SqliteArguments {
    fn add<'a>(&mut self, value: impl Into<Param<'a>>) -> Result<(), BoxDynError> {
        match value.into() {
            Param::I64(value) => sqlx::Arguments::add(self, value),
            Param::Text(value) => sqlx::Arguments::add(self, value),
            Param::Bytes(value) => sqlx::Arguments::add(self, value),
        }
    }
}

impl Sink for Vec<Value> {
    fn add<'a>(&mut self, value: impl Into<Param<'a>>) -> Result<(), BoxDynError> {
        self.push(match value.into() {
            Param::I64(value) => value.into(),
            Param::Text(value) => value.into(),
            Param::Bytes(value) => value.into(),
        });
        Ok(())
    }
}

/// Looks up `count` commands.
pub(super) fn commands(count: usize) -> String {
    let mut sql = String::from("with w(tenant, command_id) as (values ");
    value_rows(&mut sql, 2, count);
    // `cross join` keeps the order of the tables, so that `commands` is looked up by its key.
    sql.push_str(concat!(
        ") select ",
        command_columns!(),
        " from w cross join commands c on c.tenant = w.tenant and c.command_id = w.command_id"
    ));
    sql
}

/// The parameters of [`commands`].
pub(super) fn bind_commands(
    ids: &[(&TenantId, &str)],
    arguments: &mut impl Sink,
) -> Result<(), BoxDynError> {
    for (tenant, id) in ids {
        arguments.add(tenant.as_str())?;
        arguments.add(*id)?;
    }
    Ok(())
}

/// Loads `count` streams. See [`Store::load`](super::Store::load) for the columns.
pub(super) fn load(count: usize) -> String {
    let mut sql = String::from("with q(n, tenant, aggregate, id, after, fold) as (values ");
    value_rows(&mut sql, 6, count);
    sql.push_str(
        "), w as materialized (
            select q.n, q.tenant, q.aggregate, q.id, coalesce(s.version, q.after) as after,
                   s.version as snapshot, s.state
            from q left join snapshots s on s.tenant = q.tenant and s.aggregate = q.aggregate
                                        and s.stream_id = q.id and s.fold_version = q.fold
         )
         select w.n, w.snapshot as version, null as partition, null as type, w.state as payload
         from w where w.snapshot is not null
         union all
         select w.n, e.version, e.partition, e.type, e.payload
         from w cross join events e on e.tenant = w.tenant and e.aggregate = w.aggregate
                                   and e.stream_id = w.id and e.version > w.after and e.version <= w.after + ?
         order by 1, 2",
    );
    sql
}

/// The parameters of [`load`].
pub(super) fn bind_load(
    wanted: &[Wanted<'_>],
    page: u64,
    arguments: &mut impl Sink,
) -> Result<(), BoxDynError> {
    for (n, wanted) in wanted.iter().enumerate() {
        arguments.add(n as i64)?;
        arguments.add(wanted.tenant)?;
        arguments.add(wanted.aggregate)?;
        arguments.add(wanted.id)?;
        arguments.add(wanted.after as i64)?;
        arguments.add(wanted.fold())?;
    }
    arguments.add(page as i64)
}

/// Rows of one statement: SQLite takes 32,766 parameters, and the widest row has 13.
const ROWS: usize = 2000;

/// Moves the head, or fails: a head that another process has moved makes this write NULL, which the column refuses.
const MOVE_HEAD: &str =
    "update heads set position = case when epoch = ? and position = ? and hash = ? then ? end, hash = ?, time = ?
     where partition = ?";

/// Begins a transaction and moves the head; [`bind_head`] has the parameters.
pub(super) fn begin() -> String {
    format!("begin immediate; {MOVE_HEAD}")
}

/// Inserts `rows` events; [`bind_events`] has the parameters.
pub(super) fn insert_events(rows: usize) -> String {
    let mut sql = String::from(
        "insert into events (partition, position, epoch, tenant, aggregate, stream_id, version, event_id, type,
                             time, payload, metadata, hash) values ",
    );
    value_rows(&mut sql, 13, rows);
    sql
}

/// Inserts `rows` commands; [`bind_commands_of`] has the parameters.
pub(super) fn insert_commands(rows: usize) -> String {
    let mut sql = String::from(
        "insert into commands (tenant, command_id, fingerprint, partition, epoch, position, events, time, answer)
         values ",
    );
    value_rows(&mut sql, 9, rows);
    sql
}

/// Puts `rows` snapshots in place; [`bind_snapshots`] has the parameters.
pub(super) fn put_snapshots(rows: usize) -> String {
    let mut sql = String::from(
        "insert into snapshots (tenant, aggregate, stream_id, fold_version, version, state) values ",
    );
    value_rows(&mut sql, 6, rows);
    sql.push_str(
        " on conflict (tenant, aggregate, stream_id) do update
          set fold_version = excluded.fold_version, version = excluded.version, state = excluded.state",
    );
    sql
}

/// The statements of a commit in one text: a whole transaction.
pub(super) fn commit(commit: &Commit) -> String {
    let mut sql = begin();
    let events = commit
        .events
        .chunks(ROWS)
        .map(|chunk| insert_events(chunk.len()));
    let commands = commit
        .commands
        .chunks(ROWS)
        .map(|chunk| insert_commands(chunk.len()));
    let snapshots = commit
        .snapshots
        .chunks(ROWS)
        .map(|chunk| put_snapshots(chunk.len()));
    for statement in events.chain(commands).chain(snapshots) {
        sql.push(';');
        sql.push_str(&statement);
    }
    sql.push_str(";commit");
    sql
}

/// The parameters of [`commit`].
pub(super) fn bind_commit(commit: &Commit, arguments: &mut impl Sink) -> Result<(), BoxDynError> {
    bind_head(commit, arguments)?;
    bind_events(&commit.events, &commit.metadata, arguments)?;
    bind_commands_of(&commit.commands, arguments)?;
    bind_snapshots(&commit.snapshots, arguments)
}

/// The parameters of [`begin`].
pub(super) fn bind_head(commit: &Commit, arguments: &mut impl Sink) -> Result<(), BoxDynError> {
    let (from, to) = (&commit.from, &commit.to);
    arguments.add(from.head.epoch as i64)?;
    arguments.add(from.head.position as i64)?;
    arguments.add(from.head.hash.0.as_slice())?;
    arguments.add(to.head.position as i64)?;
    arguments.add(to.head.hash.0.as_slice())?;
    arguments.add(to.time.0)?;
    arguments.add(i64::from(commit.partition))
}

/// The parameters of [`insert_events`].
pub(super) fn bind_events(
    events: &[RecordedEvent],
    metadata: &[Bytes],
    arguments: &mut impl Sink,
) -> Result<(), BoxDynError> {
    for (event, metadata) in events.iter().zip(metadata) {
        arguments.add(i64::from(event.partition))?;
        arguments.add(event.position as i64)?;
        arguments.add(event.epoch as i64)?;
        arguments.add(event.tenant.as_str())?;
        arguments.add(&*event.stream.aggregate)?;
        arguments.add(&*event.stream.id)?;
        arguments.add(event.stream_version as i64)?;
        arguments.add(event.event_id.as_bytes().as_slice())?;
        arguments.add(&*event.type_name)?;
        arguments.add(event.time.0)?;
        arguments.add(&*event.payload)?;
        arguments.add(&**metadata)?;
        arguments.add(event.hash.0.as_slice())?;
    }
    Ok(())
}

/// The parameters of [`insert_commands`].
pub(super) fn bind_commands_of(
    commands: &[CommandRecord],
    arguments: &mut impl Sink,
) -> Result<(), BoxDynError> {
    for command in commands {
        arguments.add(command.tenant.as_str())?;
        arguments.add(command.command_id.as_str())?;
        arguments.add(command.fingerprint.as_slice())?;
        arguments.add(i64::from(command.partition))?;
        arguments.add(command.epoch as i64)?;
        arguments.add(command.position as i64)?;
        arguments.add(command.events as i64)?;
        arguments.add(command.time.0)?;
        arguments.add(&*command.answer)?;
    }
    Ok(())
}

/// The parameters of [`put_snapshots`].
pub(super) fn bind_snapshots(
    snapshots: &[Snapshot],
    arguments: &mut impl Sink,
) -> Result<(), BoxDynError> {
    for snapshot in snapshots {
        arguments.add(snapshot.key.tenant.as_str())?;
        arguments.add(snapshot.key.aggregate)?;
        arguments.add(&*snapshot.key.id)?;
        arguments.add(i64::from(snapshot.fold_version))?;
        arguments.add(snapshot.version as i64)?;
        arguments.add(snapshot.state.as_slice())?;
    }
    Ok(())
}

/// `(?,?),(?,?)`
fn value_rows(sql: &mut String, columns: usize, rows: usize) {
    let row = format!("({})", vec!["?"; columns].join(","));
    for index in 0..rows {
        let comma = if index == 0 { "" } else { "," };
        // Writing to a string cannot fail.
        let _ = write!(sql, "{comma}{row}");
    }
}
