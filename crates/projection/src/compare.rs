//! Compares two sets of tables row by row, in memory that does not grow with them.

use std::cmp::Ordering;

use futures::{StreamExt as _, stream::BoxStream};
use ordo_sql::{Backend, Row, SqlError, Tx, Value, params};

use crate::cursors::CHECKPOINT_TABLE;

/// What a comparison found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Comparison {
    /// Rows looked at, in the larger of each two tables.
    pub rows_examined: u64,
    /// Rows that are missing, too many or changed. 0 when the two agree.
    pub rows_different: u64,
    /// The first difference, for a human. It names the table and never shows a row's content.
    pub difference: Option<String>,
}

impl Comparison {
    /// Whether nothing differs.
    pub fn is_equal(&self) -> bool {
        self.rows_different == 0 && self.difference.is_none()
    }

    fn note(&mut self, difference: impl FnOnce() -> String) {
        if self.difference.is_none() {
            self.difference = Some(difference());
        }
    }
}

/// Compares all tables of `left` and `right`, which should be snapshots at the same checkpoint. With `common_only`, tables
/// and columns that only one of them has are passed over.
pub(crate) async fn compare(
    left: &mut Tx,
    right: &mut Tx,
    common_only: bool,
) -> Result<Comparison, SqlError> {
    let mut found = Comparison::default();
    let (left_tables, right_tables) = (tables(left).await?, tables(right).await?);
    for table in &left_tables {
        if !right_tables.contains(table) && !common_only {
            found.rows_different += 1;
            found.note(|| format!("the table {table} is not in the rebuilt read model"));
        }
    }
    for table in &right_tables {
        if !left_tables.contains(table) {
            if !common_only {
                found.rows_different += 1;
                found.note(|| format!("the table {table} is only in the rebuilt read model"));
            }
            continue;
        }
        let (left_columns, right_columns) =
            (columns(left, table).await?, columns(right, table).await?);
        if left_columns != right_columns {
            if !common_only {
                found.rows_different += 1;
                found.note(|| format!("the columns of {table} differ"));
            }
            continue;
        }
        compare_table(left, right, table, &left_columns, &mut found).await?;
    }
    Ok(found)
}

async fn compare_table(
    left: &mut Tx,
    right: &mut Tx,
    table: &str,
    columns: &[Column],
    found: &mut Comparison,
) -> Result<(), SqlError> {
    let (left_sql, right_sql) = (
        dump(left.backend(), table, columns),
        dump(right.backend(), table, columns),
    );
    let mut left = Rows::new(left.fetch(&left_sql, &[])?).await?;
    let mut right = Rows::new(right.fetch(&right_sql, &[])?).await?;
    let (mut only_left, mut only_right, mut equal) = (0_u64, 0_u64, 0_u64);
    loop {
        let order = match (&left.current, &right.current) {
            (None, None) => break,
            (Some(_), None) => Ordering::Less,
            (None, Some(_)) => Ordering::Greater,
            (Some(left), Some(right)) => left.cmp(right),
        };
        match order {
            Ordering::Equal => {
                equal += 1;
                left.advance().await?;
                right.advance().await?;
            }
            Ordering::Less => {
                only_left += 1;
                found.note(|| format!("{table}: row {} of the serving read model", left.number));
                left.advance().await?;
            }
            Ordering::Greater => {
                only_right += 1;
                found.note(|| format!("{table}: row {} of the rebuilt read model", right.number));
                right.advance().await?;
            }
        }
    }
    // A changed row counts once, though it stands on both sides.
    let different = only_left.max(only_right);
    found.rows_examined += equal + different;
    found.rows_different += different;
    Ok(())
}

/// A sorted dump with its next row at hand.
struct Rows<'a> {
    rows: BoxStream<'a, Result<Row, SqlError>>,
    current: Option<Vec<Value>>,
    number: u64,
}

impl<'a> Rows<'a> {
    async fn new(rows: BoxStream<'a, Result<Row, SqlError>>) -> Result<Self, SqlError> {
        let mut rows = Self {
            rows,
            current: None,
            number: 0,
        };
        rows.advance().await?;
        Ok(rows)
    }

    async fn advance(&mut self) -> Result<(), SqlError> {
        self.current = match self.rows.next().await.transpose()? {
            Some(row) => Some(
                (0..row.len())
                    .map(|index| row.value(index))
                    .collect::<Result<_, _>>()?,
            ),
            None => None,
        };
        self.number += 1;
        Ok(())
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Column {
    name: String,
    is_text: bool,
}

/// A query whose order is that of [`Value`]: NULL first, texts and bytes by their bytes.
fn dump(backend: Backend, table: &str, columns: &[Column]) -> String {
    let names: Vec<_> = columns
        .iter()
        .map(|column| format!("\"{}\"", column.name))
        .collect();
    let order: Vec<_> = columns
        .iter()
        .map(|column| match backend {
            Backend::Postgres if column.is_text => {
                format!("\"{}\" collate \"C\" nulls first", column.name)
            }
            Backend::Sqlite if column.is_text => {
                format!("\"{}\" collate binary nulls first", column.name)
            }
            _ => format!("\"{}\" nulls first", column.name),
        })
        .collect();
    format!(
        "select {} from \"{table}\" order by {}",
        names.join(", "),
        order.join(", ")
    )
}

async fn tables(tx: &mut Tx) -> Result<Vec<String>, SqlError> {
    let sql = match tx.backend() {
        Backend::Sqlite => {
            "select name from sqlite_master where type = 'table' and name not like 'sqlite!_%' escape '!'"
        }
        Backend::Postgres => {
            "select tablename::text from pg_tables where schemaname = current_schema()"
        }
    };
    let mut names = Vec::new();
    for row in tx.fetch_all(sql, &[]).await? {
        let name = row.text(0)?;
        if name != CHECKPOINT_TABLE {
            names.push(name);
        }
    }
    names.sort();
    Ok(names)
}

/// Columns by name.
async fn columns(tx: &mut Tx, table: &str) -> Result<Vec<Column>, SqlError> {
    let sql = match tx.backend() {
        Backend::Sqlite => "select name, lower(type) from pragma_table_info($1)",
        Backend::Postgres => {
            "select column_name::text, data_type::text from information_schema.columns
             where table_schema = current_schema() and table_name = $1"
        }
    };
    let rows = tx.fetch_all(sql, &params![table]).await?;
    let mut columns = rows
        .iter()
        .map(|row| {
            Ok(Column {
                name: row.text(0)?,
                is_text: row.text(1)?.contains("text"),
            })
        })
        .collect::<Result<Vec<_>, SqlError>>()?;
    columns.sort_by(|left, right| left.name.cmp(&right.name));
    Ok(columns)
}
