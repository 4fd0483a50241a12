//! SQLite, called where it stands.

use std::{path::Path, sync::Arc};

use ordo_sql::{SqlError, Value, plugged::Answer};
use rusqlite::{
    Batch, Connection, Statement,
    fallible_iterator::FallibleIterator as _,
    types::{ToSqlOutput, ValueRef},
};

use crate::world::Hash;

/// A connection with the settings of the real ones, except that nothing is synced: the machine does not lose power.
pub(super) fn open(path: &Path) -> Result<Connection, SqlError> {
    let open = || {
        let connection = Connection::open(path)?;
        connection.execute_batch(
            "pragma journal_mode = wal; pragma synchronous = off; pragma foreign_keys = on;
             pragma wal_autocheckpoint = 100000;",
        )?;
        connection.set_prepared_statement_cache_capacity(256);
        Ok(connection)
    };
    open().map_err(fault)
}

pub(super) fn begin(connection: &Connection, sql: &str) -> Result<(), SqlError> {
    connection.execute_batch(sql).map_err(fault)
}

pub(super) fn commit(connection: &Connection) -> Result<(), SqlError> {
    connection.execute_batch("commit").map_err(fault)
}

/// Undoes what is open, if anything is.
pub(super) fn roll_back(connection: &Connection) {
    if !connection.is_autocommit() {
        let _ = connection.execute_batch("rollback");
    }
}

/// Runs statements as a transaction of their own, all or nothing.
pub(super) fn run_alone(
    connection: &Connection,
    sql: &str,
    params: &[Value],
) -> Result<Answer, SqlError> {
    let answer = run(connection, sql, params);
    roll_back(connection);
    answer
}

/// Runs statements; the answer is the last one's.
pub(super) fn run(
    connection: &Connection,
    sql: &str,
    params: &[Value],
) -> Result<Answer, SqlError> {
    let run = || {
        let mut rest = params;
        if !sql.contains(';') {
            let mut statement = connection.prepare_cached(sql)?;
            return step(connection, &mut statement, &mut rest);
        }
        let mut answer = Answer::default();
        let mut batch = Batch::new(connection, sql);
        while let Some(mut statement) = batch.next()? {
            answer = step(connection, &mut statement, &mut rest)?;
        }
        Ok(answer)
    };
    run().map_err(fault)
}

fn step(
    connection: &Connection,
    statement: &mut Statement<'_>,
    rest: &mut &[Value],
) -> rusqlite::Result<Answer> {
    let mut bare = 0;
    for index in 1..=statement.parameter_count() {
        let numbered = statement
            .parameter_name(index)
            .and_then(|name| name.get(1..)?.parse::<usize>().ok());
        let place = match numbered {
            Some(number) => number - 1,
            None => {
                bare += 1;
                bare - 1
            }
        };
        let value = rest.get(place).unwrap_or(&Value::Null);
        statement.raw_bind_parameter(index, bound(value))?;
    }
    *rest = rest.get(bare..).unwrap_or_default();
    let columns: Arc<[String]> = statement
        .column_names()
        .into_iter()
        .map(str::to_owned)
        .collect();
    let width = columns.len();
    let mut found = Vec::new();
    let mut rows = statement.raw_query();
    while let Some(row) = rows.next()? {
        let mut values = Vec::with_capacity(width);
        for index in 0..width {
            values.push(match row.get_ref(index)? {
                ValueRef::Null => Value::Null,
                ValueRef::Integer(value) => Value::I64(value),
                ValueRef::Text(text) => Value::Text(String::from_utf8_lossy(text).into_owned()),
                ValueRef::Blob(bytes) => Value::Bytes(bytes.to_vec()),
                ValueRef::Real(_) => {
                    return Err(rusqlite::Error::InvalidColumnType(
                        index,
                        columns[index].clone(),
                        rusqlite::types::Type::Real,
                    ));
                }
            });
        }
        found.push(values);
    }
    Ok(Answer {
        columns,
        rows: found,
        touched: connection.changes(),
    })
}

fn bound(value: &Value) -> ToSqlOutput<'_> {
    ToSqlOutput::Borrowed(match value {
        Value::I64(value) => ValueRef::Integer(*value),
        Value::Text(value) => ValueRef::Text(value.as_bytes()),
        Value::Bytes(value) => ValueRef::Blob(value),
        // Arrays are for Postgres.
        _ => ValueRef::Null,
    })
}

fn fault(error: rusqlite::Error) -> SqlError {
    let code = match &error {
        rusqlite::Error::SqliteFailure(error, _) => error.extended_code.unsigned_abs(),
        _ => 1,
    };
    SqlError::reported(code, error.to_string())
}

/// Stands for a statement and its parameters in the trace.
pub(super) fn digest(sql: &str, params: &[Value]) -> u64 {
    let mut hash = Hash(0xcbf2_9ce4_8422_2325);
    hash.add(sql.as_bytes());
    for param in params {
        match param {
            Value::I64(value) => hash.add(&value.to_le_bytes()),
            Value::Text(text) => hash.add(text.as_bytes()),
            Value::Bytes(bytes) => hash.add(bytes),
            _ => hash.add(&[0]),
        }
        hash.add(&[0xff]);
    }
    hash.0
}
