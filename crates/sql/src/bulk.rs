//! Many rows in few statements: a statement costs about 100 µs on either database, whatever its size.

use crate::{db::Backend, error::SqlError, row::Row, tx::Tx, value::Value};

/// Rows per statement on SQLite.
const SQLITE_ROWS: usize = 500;
/// Parameters per statement that SQLite takes.
const SQLITE_PARAMETERS: usize = 32_766;
/// Rows per statement on Postgres, so that one message stays small.
const POSTGRES_ROWS: usize = 5_000;

impl Tx {
    /// Inserts `rows` with as few statements as the database allows and returns how many rows were touched.
    ///
    /// `prefix` ends with the table's name, for example `insert into order_list`; `suffix` may be empty or, for example,
    /// `on conflict (tenant, order_id) do update set status = excluded.status`. A key must not occur twice in `rows`
    /// when the suffix updates. Every row has a value for every column, in the same order, and values of one column are
    /// of one kind or NULL.
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
        check_width(columns.len(), &rows)?;
        let list = columns.join(", ");
        let mut touched = 0;
        match self.backend() {
            Backend::Sqlite => {
                let size = sqlite_rows(columns.len());
                for chunk in chunks(rows, size) {
                    let values = values_list(columns.len(), chunk.len());
                    let sql = format!("{prefix} ({list}) values {values} {suffix}");
                    let full = chunk.len() == size;
                    touched += self.run(&sql, &flatten(chunk), full).await?;
                }
            }
            Backend::Postgres => {
                for chunk in chunks(rows, POSTGRES_ROWS) {
                    let Arrays {
                        arrays,
                        types,
                        select,
                    } = transpose(columns.len(), chunk)?;
                    let (unnest, names) = (unnest(&types), key_columns(types.len()));
                    // `where true` tells `on conflict` from a join's `on`.
                    let sql = format!(
                        "{prefix} ({list}) select {select} from {unnest} as a ({names}) where true {suffix}"
                    );
                    touched += self.run(&sql, &arrays, true).await?;
                }
            }
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
        check_width(key.len(), &keys)?;
        let list = prefixed("t.", columns);
        let mut found = Vec::with_capacity(keys.len());
        for (source, params, keep) in self.key_sources(key.len(), keys)? {
            // A cross join in SQLite fixes the order: the keys outside, the table by its index inside.
            let sql = format!(
                "select {list} from {source} cross join {table} t where {}",
                matches(key)
            );
            found.append(&mut self.rows(&sql, &params, keep).await?);
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
        let width = key.len() + set.len();
        check_width(width, &rows)?;
        let assignments: Vec<_> = set
            .iter()
            .enumerate()
            .map(|(index, name)| format!("{name} = k.column{}", key.len() + index + 1))
            .collect();
        let mut updated = 0;
        for (source, params, keep) in self.key_sources(width, rows)? {
            let sql = format!(
                "update {table} as t set {} from {source} where {}",
                assignments.join(", "),
                matches(key)
            );
            updated += self.run(&sql, &params, keep).await?;
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
        check_width(key.len(), &keys)?;
        let list = key.join(", ");
        let mut deleted = 0;
        for (source, params, keep) in self.key_sources(key.len(), keys)? {
            let sql = format!(
                "delete from {table} where ({list}) in (select {} from {source})",
                key_columns(key.len())
            );
            deleted += self.run(&sql, &params, keep).await?;
        }
        Ok(deleted)
    }

    /// Keys as something to select from, whose alias is `k` with columns `column1`, `column2` …
    fn key_sources(
        &self,
        width: usize,
        keys: Vec<Vec<Value>>,
    ) -> Result<Vec<(String, Vec<Value>, bool)>, SqlError> {
        match self.backend() {
            Backend::Sqlite => {
                let size = sqlite_rows(width);
                Ok(chunks(keys, size)
                    .map(|chunk| {
                        let full = chunk.len() == size;
                        (
                            format!("(values {}) k", values_list(width, chunk.len())),
                            flatten(chunk),
                            full,
                        )
                    })
                    .collect())
            }
            Backend::Postgres => chunks(keys, POSTGRES_ROWS)
                .map(|chunk| {
                    let Arrays { arrays, types, .. } = transpose(width, chunk)?;
                    Ok((
                        format!("{} as k ({})", unnest(&types), key_columns(width)),
                        arrays,
                        true,
                    ))
                })
                .collect(),
        }
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

fn sqlite_rows(columns: usize) -> usize {
    (SQLITE_PARAMETERS / columns.max(1)).clamp(1, SQLITE_ROWS)
}

fn chunks(rows: Vec<Vec<Value>>, size: usize) -> impl Iterator<Item = Vec<Vec<Value>>> {
    let mut rows = rows.into_iter();
    std::iter::from_fn(move || {
        let chunk: Vec<_> = rows.by_ref().take(size).collect();
        (!chunk.is_empty()).then_some(chunk)
    })
}

fn flatten(rows: Vec<Vec<Value>>) -> Vec<Value> {
    rows.into_iter().flatten().collect()
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
