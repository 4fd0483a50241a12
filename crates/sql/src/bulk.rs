//! Many rows in few statements: a statement costs about 100 µs on either database, whatever its size.
//!
//! Preparing a statement costs about as much as running it. On SQLite, where its text depends on the number of rows, that number
//! is a power of two, so that few texts stay prepared; what is left over is filled with rows of NULL, which match nothing.

use crate::{
    db::{Backend, Db},
    error::SqlError,
    row::Row,
    tx::Tx,
    value::Value,
};

/// Most rows per statement on SQLite, a power of two.
const SQLITE_ROWS: usize = 256;
/// Parameters per statement that SQLite takes.
const SQLITE_PARAMETERS: usize = 32_766;
/// Rows per statement on Postgres, so that one message stays small.
const POSTGRES_ROWS: usize = 5_000;

/// One statement with its parameters.
struct Statement {
    sql: String,
    params: Vec<Value>,
}

impl Tx {
    /// Inserts `rows` with as few statements as the database allows and returns how many rows were touched.
    ///
    /// `prefix` ends with the table's name, for example `insert into order_list`; `suffix` may be empty or, for example,
    /// `on conflict (tenant, order_id) do update set status = excluded.status`. A key must not occur twice in `rows`
    /// when the suffix updates. Every row has a value for every column, in the same order, and values of one column are
    /// of one kind or NULL; those of the first column are never NULL.
    ///
    /// ```
    /// # async fn example(tx: &mut ordo_sql::Tx) -> Result<(), ordo_sql::SqlError> {
    /// use ordo_sql::params;
    /// let rows = vec![params!["a", 1_i64].into(), params!["b", 2_i64].into()];
    /// tx.insert_many("insert into counter", &["name", "n"], rows, "on conflict (name) do update set n = excluded.n")
    ///     .await?;
    /// # Ok(()) }
    /// ```
    pub async fn insert_many(
        &mut self,
        prefix: &str,
        columns: &[&str],
        rows: Vec<Vec<Value>>,
        suffix: &str,
    ) -> Result<u64, SqlError> {
        let mut touched = 0;
        for Statement { sql, params } in inserts(self.backend(), prefix, columns, rows, suffix)? {
            touched += self.execute(&sql, &params).await?;
        }
        Ok(touched)
    }

    /// The rows of `table` whose `key` columns equal one of `keys`, with `columns` in that order; keys that are not there
    /// give no row. The order of the rows is not defined. Keys hold no NULL and values of one column are of one kind.
    /// Fewer columns than the primary key has select whole groups.
    pub async fn fetch_by_keys(
        &mut self,
        table: &str,
        columns: &[&str],
        key: &[&str],
        keys: Vec<Vec<Value>>,
    ) -> Result<Vec<Row>, SqlError> {
        let mut found = Vec::with_capacity(keys.len());
        for Statement { sql, params } in selects(self.backend(), table, columns, key, keys)? {
            found.append(&mut self.fetch_all(&sql, &params).await?);
        }
        Ok(found)
    }

    /// Sets the `set` columns of the rows of `table` whose `key` columns equal the first values of one of `rows`; the values
    /// after them are the new ones. Keys that are not there change nothing, and none may occur twice. Returns how many rows
    /// were there. On Postgres a column may not be NULL in all `rows`.
    pub async fn update_by_keys(
        &mut self,
        table: &str,
        key: &[&str],
        set: &[&str],
        rows: Vec<Vec<Value>>,
    ) -> Result<u64, SqlError> {
        let assignments: Vec<_> = set
            .iter()
            .enumerate()
            .map(|(index, name)| format!("{name} = k.column{}", key.len() + index + 1))
            .collect();
        let mut updated = 0;
        for (source, params) in key_sources(self.backend(), key.len() + set.len(), rows)? {
            let sql = format!(
                "update {table} as t set {} from {source} where {}",
                assignments.join(", "),
                matches(key)
            );
            updated += self.execute(&sql, &params).await?;
        }
        Ok(updated)
    }

    /// Deletes the rows of `table` whose `key` columns equal one of `keys`, as [`fetch_by_keys`](Tx::fetch_by_keys) finds
    /// them, and returns how many were there.
    pub async fn delete_by_keys(
        &mut self,
        table: &str,
        key: &[&str],
        keys: Vec<Vec<Value>>,
    ) -> Result<u64, SqlError> {
        let list = key.join(", ");
        let mut deleted = 0;
        for (source, params) in key_sources(self.backend(), key.len(), keys)? {
            let sql = format!(
                "delete from {table} where ({list}) in (select {} from {source})",
                key_columns(key.len())
            );
            deleted += self.execute(&sql, &params).await?;
        }
        Ok(deleted)
    }
}

impl Db {
    /// As [`Tx::insert_many`], each statement (256 rows on SQLite, 5,000 on Postgres) a transaction of its own.
    pub async fn insert_many(
        &self,
        prefix: &str,
        columns: &[&str],
        rows: Vec<Vec<Value>>,
        suffix: &str,
    ) -> Result<u64, SqlError> {
        let mut touched = 0;
        for Statement { sql, params } in inserts(self.backend(), prefix, columns, rows, suffix)? {
            touched += self.execute(&sql, &params).await?;
        }
        Ok(touched)
    }

    /// As [`Tx::fetch_by_keys`], each statement (256 keys on SQLite, 5,000 on Postgres) seeing a moment of its own.
    pub async fn fetch_by_keys(
        &self,
        table: &str,
        columns: &[&str],
        key: &[&str],
        keys: Vec<Vec<Value>>,
    ) -> Result<Vec<Row>, SqlError> {
        let mut found = Vec::with_capacity(keys.len());
        for Statement { sql, params } in selects(self.backend(), table, columns, key, keys)? {
            found.append(&mut self.fetch_all(&sql, &params).await?);
        }
        Ok(found)
    }
}

/// The statements of [`Tx::insert_many`].
fn inserts(
    backend: Backend,
    prefix: &str,
    columns: &[&str],
    rows: Vec<Vec<Value>>,
    suffix: &str,
) -> Result<Vec<Statement>, SqlError> {
    check_width(columns.len(), &rows)?;
    if rows.iter().any(|row| row.first() == Some(&Value::Null)) {
        return Err(SqlError::Parameter {
            index: 1,
            detail: format!("{} is NULL", columns.first().unwrap_or(&"the first column")),
        });
    }
    let list = columns.join(", ");
    match backend {
        Backend::Sqlite => Ok(chunks(rows, sqlite_rows(columns.len()))
            .map(|chunk| {
                let (values, params) = padded(columns.len(), chunk);
                let names = key_columns(columns.len());
                Statement {
                    sql: format!(
                        "{prefix} ({list}) select {names} from (values {values}) where column1 is not null {suffix}"
                    ),
                    params,
                }
            })
            .collect()),
        Backend::Postgres => chunks(rows, POSTGRES_ROWS)
            .map(|chunk| {
                let Arrays {
                    arrays,
                    types,
                    select,
                } = transpose(columns.len(), chunk)?;
                let (unnest, names) = (unnest(&types), key_columns(types.len()));
                Ok(Statement {
                    // `where true` tells `on conflict` from a join's `on`.
                    sql: format!(
                        "{prefix} ({list}) select {select} from {unnest} as a ({names}) where true {suffix}"
                    ),
                    params: arrays,
                })
            })
            .collect(),
    }
}

/// The statements of [`Tx::fetch_by_keys`].
fn selects(
    backend: Backend,
    table: &str,
    columns: &[&str],
    key: &[&str],
    keys: Vec<Vec<Value>>,
) -> Result<Vec<Statement>, SqlError> {
    let list = prefixed("t.", columns);
    let sources = key_sources(backend, key.len(), keys)?.into_iter();
    Ok(sources
        .map(|(source, params)| Statement {
            // A cross join in SQLite fixes the order: the keys outside, the table by its index inside.
            sql: format!(
                "select {list} from {source} cross join {table} t where {}",
                matches(key)
            ),
            params,
        })
        .collect())
}

/// Keys as something to select from, whose alias is `k` with columns `column1`, `column2` …
fn key_sources(
    backend: Backend,
    width: usize,
    keys: Vec<Vec<Value>>,
) -> Result<Vec<(String, Vec<Value>)>, SqlError> {
    check_width(width, &keys)?;
    match backend {
        Backend::Sqlite => Ok(chunks(keys, sqlite_rows(width))
            .map(|chunk| {
                let (values, params) = padded(width, chunk);
                (format!("(values {values}) k"), params)
            })
            .collect()),
        Backend::Postgres => chunks(keys, POSTGRES_ROWS)
            .map(|chunk| {
                let Arrays { arrays, types, .. } = transpose(width, chunk)?;
                Ok((
                    format!("{} as k ({})", unnest(&types), key_columns(width)),
                    arrays,
                ))
            })
            .collect(),
    }
}

fn check_width(columns: usize, rows: &[Vec<Value>]) -> Result<(), SqlError> {
    match rows.iter().find(|row| row.len() != columns) {
        Some(row) => Err(SqlError::Parameter {
            index: row.len(),
            detail: format!("a row has {} values for {columns} columns", row.len()),
        }),
        None => Ok(()),
    }
}

/// Rows of a statement so wide: a power of two.
fn sqlite_rows(columns: usize) -> usize {
    let most = (SQLITE_PARAMETERS / columns.max(1)).clamp(1, SQLITE_ROWS);
    1 << most.ilog2()
}

/// A `values` list whose number of rows is a power of two, and its parameters: `rows`, then NULL.
fn padded(columns: usize, rows: Vec<Vec<Value>>) -> (String, Vec<Value>) {
    let size = rows.len().next_power_of_two();
    let mut params: Vec<_> = rows.into_iter().flatten().collect();
    params.resize(columns * size, Value::Null);
    (values_list(columns, size), params)
}

fn chunks(rows: Vec<Vec<Value>>, size: usize) -> impl Iterator<Item = Vec<Vec<Value>>> {
    let mut rows = rows.into_iter();
    std::iter::from_fn(move || {
        let chunk: Vec<_> = rows.by_ref().take(size).collect();
        (!chunk.is_empty()).then_some(chunk)
    })
}

/// `(?, ?), (?, ?)`. Parameters without names, because the driver looks up the name of each and SQLite searches them one by
/// one: with `$1 …` the cost grows with the square of their number.
fn values_list(columns: usize, rows: usize) -> String {
    let row = format!("({})", vec!["?"; columns].join(", "));
    vec![row.as_str(); rows].join(", ")
}

/// `t.a, t.b`
fn prefixed(prefix: &str, columns: &[&str]) -> String {
    let names: Vec<_> = columns
        .iter()
        .map(|name| format!("{prefix}{name}"))
        .collect();
    names.join(", ")
}

/// `column1, column2`: what SQLite calls the columns of a `values` clause.
fn key_columns(count: usize) -> String {
    let names: Vec<_> = (1..=count).map(|n| format!("column{n}")).collect();
    names.join(", ")
}

/// `t.a = k.column1 and t.b = k.column2`
fn matches(key: &[&str]) -> String {
    let tests: Vec<_> = key
        .iter()
        .enumerate()
        .map(|(index, name)| format!("t.{name} = k.column{}", index + 1))
        .collect();
    tests.join(" and ")
}

/// `unnest($1::text[], $2::bigint[])`
fn unnest(types: &[&str]) -> String {
    let arrays: Vec<_> = types
        .iter()
        .enumerate()
        .map(|(index, name)| format!("${}::{name}[]", index + 1))
        .collect();
    format!("unnest({})", arrays.join(", "))
}

/// Columns of rows as arrays.
struct Arrays {
    arrays: Vec<Value>,
    /// Element type of each array.
    types: Vec<&'static str>,
    /// What to select so that every column is there. A column of nothing but NULL has no array, because no type is known
    /// for it; the word `null` takes the type of the column that it is inserted into.
    select: String,
}

fn transpose(columns: usize, rows: Vec<Vec<Value>>) -> Result<Arrays, SqlError> {
    let mut types = Vec::with_capacity(columns);
    let mut arrays = Vec::with_capacity(columns);
    let mut select = Vec::with_capacity(columns);
    // Index of each column's array.
    let mut places = Vec::with_capacity(columns);
    for column in 0..columns {
        let first = rows
            .iter()
            .filter_map(|row| row.get(column))
            .find(|value| !matches!(value, Value::Null));
        let size = rows.len();
        let (array, name) = match first {
            None => {
                places.push(None);
                select.push("null".to_owned());
                continue;
            }
            Some(Value::I64(_)) => (Value::I64s(Vec::with_capacity(size)), "bigint"),
            Some(Value::Bytes(_)) => (Value::Blobs(Vec::with_capacity(size)), "bytea"),
            Some(_) => (Value::Texts(Vec::with_capacity(size)), "text"),
        };
        places.push(Some(arrays.len()));
        arrays.push(array);
        types.push(name);
        select.push(format!("column{}", arrays.len()));
    }
    for row in rows {
        for (column, (value, place)) in row.into_iter().zip(&places).enumerate() {
            let Some(array) = place.and_then(|place| arrays.get_mut(place)) else {
                continue;
            };
            match (array, value) {
                (Value::I64s(array), Value::I64(value)) => array.push(Some(value)),
                (Value::I64s(array), Value::Null) => array.push(None),
                (Value::Texts(array), Value::Text(value)) => array.push(Some(value)),
                (Value::Texts(array), Value::Null) => array.push(None),
                (Value::Blobs(array), Value::Bytes(value)) => array.push(Some(value)),
                (Value::Blobs(array), Value::Null) => array.push(None),
                _ => {
                    return Err(SqlError::Parameter {
                        index: column + 1,
                        detail: "the values of one column are of different kinds".to_owned(),
                    });
                }
            }
        }
    }
    Ok(Arrays {
        arrays,
        types,
        select: select.join(", "),
    })
}
