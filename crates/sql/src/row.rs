//! Results.

use std::{fmt::Display, sync::Arc};

use sqlx::{
    Column as _, ColumnIndex, Decode, Postgres, Row as _, TypeInfo as _, ValueRef as _,
    postgres::PgRow, sqlite::SqliteRow,
};

use crate::{error::SqlError, value::Value};

/// One row of a result.
pub struct Row(Inner);

enum Inner {
    Sqlite(SqliteRow),
    Postgres(PgRow),
    Plain(PlainRow),
}

/// A row whose values are here already.
struct PlainRow {
    columns: Arc<[String]>,
    values: Vec<Value>,
}

impl PlainRow {
    fn get(&self, column: impl Display) -> Result<&Value, SqlError> {
        let name = column.to_string();
        let index = match name.parse::<usize>() {
            Ok(index) => Some(index),
            Err(_) => self.columns.iter().position(|column| *column == name),
        };
        index
            .and_then(|index| self.values.get(index))
            .ok_or_else(|| wrong(name, "is not there"))
    }
}

/// A column by its index from 0 or by its name.
pub trait ColumnRef: ColumnIndex<SqliteRow> + ColumnIndex<PgRow> + Display + Copy {}
impl<T: ColumnIndex<SqliteRow> + ColumnIndex<PgRow> + Display + Copy> ColumnRef for T {}

impl From<SqliteRow> for Row {
    fn from(row: SqliteRow) -> Self {
        Self(Inner::Sqlite(row))
    }
}

impl From<PgRow> for Row {
    fn from(row: PgRow) -> Self {
        Self(Inner::Postgres(row))
    }
}

impl Row {
    pub(crate) fn plain(columns: Arc<[String]>, values: Vec<Value>) -> Self {
        Self(Inner::Plain(PlainRow { columns, values }))
    }

    /// An integer. On Postgres every integer type and `boolean` will do; `sum()` of bigints is `numeric` there: write
    /// `cast(sum(x) as bigint)`.
    pub fn i64(&self, column: impl ColumnRef) -> Result<i64, SqlError> {
        self.opt_i64(column)?.ok_or_else(|| null(column))
    }

    /// An integer or NULL.
    pub fn opt_i64(&self, column: impl ColumnRef) -> Result<Option<i64>, SqlError> {
        match &self.0 {
            Inner::Sqlite(row) => get::<Option<i64>, _>(row.try_get(column), column),
            Inner::Postgres(row) => {
                let raw = row
                    .try_get_raw(column)
                    .map_err(|error| wrong(column, error))?;
                if raw.is_null() {
                    return Ok(None);
                }
                let kind = raw.type_info().name().to_owned();
                let value = match kind.as_str() {
                    "INT8" => <i64 as Decode<'_, Postgres>>::decode(raw),
                    "INT4" => <i32 as Decode<'_, Postgres>>::decode(raw).map(i64::from),
                    "INT2" => <i16 as Decode<'_, Postgres>>::decode(raw).map(i64::from),
                    "BOOL" => <bool as Decode<'_, Postgres>>::decode(raw).map(i64::from),
                    "NUMERIC" => return Err(wrong(column, "is numeric; write cast(… as bigint)")),
                    _ => return Err(wrong(column, format!("is {kind}, not an integer"))),
                };
                value.map(Some).map_err(|error| wrong(column, error))
            }
            Inner::Plain(row) => match row.get(column)? {
                Value::Null => Ok(None),
                Value::I64(value) => Ok(Some(*value)),
                _ => Err(wrong(column, "is not an integer")),
            },
        }
    }

    /// A non-negative integer, for example a position.
    pub fn u64(&self, column: impl ColumnRef) -> Result<u64, SqlError> {
        let value = self.i64(column)?;
        u64::try_from(value).map_err(|_| wrong(column, "is negative"))
    }

    /// A non-negative integer below 2^32, for example a partition.
    pub fn u32(&self, column: impl ColumnRef) -> Result<u32, SqlError> {
        let value = self.i64(column)?;
        u32::try_from(value).map_err(|_| wrong(column, "does not fit 32 bits"))
    }

    /// 0 is false, anything else true.
    pub fn bool(&self, column: impl ColumnRef) -> Result<bool, SqlError> {
        Ok(self.i64(column)? != 0)
    }

    /// A text.
    pub fn text(&self, column: impl ColumnRef) -> Result<String, SqlError> {
        self.opt_text(column)?.ok_or_else(|| null(column))
    }

    /// A text or NULL.
    pub fn opt_text(&self, column: impl ColumnRef) -> Result<Option<String>, SqlError> {
        match &self.0 {
            Inner::Sqlite(row) => get(row.try_get(column), column),
            Inner::Postgres(row) => get(row.try_get(column), column),
            Inner::Plain(row) => match row.get(column)? {
                Value::Null => Ok(None),
                Value::Text(value) => Ok(Some(value.clone())),
                _ => Err(wrong(column, "is not a text")),
            },
        }
    }

    /// Bytes.
    pub fn bytes(&self, column: impl ColumnRef) -> Result<Vec<u8>, SqlError> {
        self.opt_bytes(column)?.ok_or_else(|| null(column))
    }

    /// Bytes or NULL.
    pub fn opt_bytes(&self, column: impl ColumnRef) -> Result<Option<Vec<u8>>, SqlError> {
        match &self.0 {
            Inner::Sqlite(row) => get(row.try_get(column), column),
            Inner::Postgres(row) => get(row.try_get(column), column),
            Inner::Plain(row) => match row.get(column)? {
                Value::Null => Ok(None),
                Value::Bytes(value) => Ok(Some(value.clone())),
                _ => Err(wrong(column, "is not bytes")),
            },
        }
    }

    /// Number of columns.
    pub fn len(&self) -> usize {
        match &self.0 {
            Inner::Sqlite(row) => row.len(),
            Inner::Postgres(row) => row.len(),
            Inner::Plain(row) => row.values.len(),
        }
    }

    /// Whether there are no columns.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Name of the column at `index`, or the empty text.
    pub fn column_name(&self, index: usize) -> &str {
        match &self.0 {
            Inner::Sqlite(row) => row.columns().get(index).map_or("", |column| column.name()),
            Inner::Postgres(row) => row.columns().get(index).map_or("", |column| column.name()),
            Inner::Plain(row) => row.columns.get(index).map_or("", String::as_str),
        }
    }

    /// The value as it is stored, whatever its type.
    pub fn value(&self, index: usize) -> Result<Value, SqlError> {
        let kind = match &self.0 {
            Inner::Sqlite(row) => row.try_get_raw(index).map(|raw| {
                if raw.is_null() {
                    "NULL".to_owned()
                } else {
                    raw.type_info().name().to_owned()
                }
            }),
            Inner::Postgres(row) => row.try_get_raw(index).map(|raw| {
                if raw.is_null() {
                    "NULL".to_owned()
                } else {
                    raw.type_info().name().to_owned()
                }
            }),
            Inner::Plain(row) => return row.get(index).cloned(),
        }
        .map_err(|error| wrong(index, error))?;
        match kind.as_str() {
            "NULL" => Ok(Value::Null),
            "INTEGER" | "INT8" | "INT4" | "INT2" | "BOOL" => self.i64(index).map(Value::I64),
            "TEXT" | "VARCHAR" | "NAME" => self.text(index).map(Value::Text),
            "BLOB" | "BYTEA" => self.bytes(index).map(Value::Bytes),
            _ => Err(wrong(index, format!("is of the unsupported type {kind}"))),
        }
    }
}

fn get<T, C: Display>(result: Result<T, sqlx::Error>, column: C) -> Result<T, SqlError> {
    result.map_err(|error| wrong(column, error))
}

fn wrong(column: impl Display, detail: impl Display) -> SqlError {
    SqlError::Column {
        column: column.to_string(),
        detail: detail.to_string(),
    }
}

fn null(column: impl Display) -> SqlError {
    wrong(column, "is NULL")
}

/// A Rust type that is stored in one column.
pub trait Column: Sized {
    /// What is bound.
    fn to_value(&self) -> Value;

    /// What is read from the column at `index`.
    fn from_row(row: &Row, index: usize) -> Result<Self, SqlError>;
}

macro_rules! column {
    ($($type:ty: $get:ident),+ $(,)?) => {
        $(impl Column for $type {
            fn to_value(&self) -> Value {
                Value::from(self.clone())
            }

            fn from_row(row: &Row, index: usize) -> Result<Self, SqlError> {
                row.$get(index)
            }
        })+
    };
}

column!(i64: i64, u64: u64, u32: u32, bool: bool, String: text, Vec<u8>: bytes);

impl Column for i32 {
    fn to_value(&self) -> Value {
        Value::from(*self)
    }

    fn from_row(row: &Row, index: usize) -> Result<Self, SqlError> {
        i32::try_from(row.i64(index)?).map_err(|_| wrong(index, "does not fit 32 bits"))
    }
}

impl Column for Arc<str> {
    fn to_value(&self) -> Value {
        Value::from(self)
    }

    fn from_row(row: &Row, index: usize) -> Result<Self, SqlError> {
        row.text(index).map(Into::into)
    }
}

impl<T: Column> Column for Option<T> {
    fn to_value(&self) -> Value {
        self.as_ref().map_or(Value::Null, Column::to_value)
    }

    fn from_row(row: &Row, index: usize) -> Result<Self, SqlError> {
        let is_null = match &row.0 {
            Inner::Sqlite(row) => row.try_get_raw(index).map(|raw| raw.is_null()),
            Inner::Postgres(row) => row.try_get_raw(index).map(|raw| raw.is_null()),
            Inner::Plain(row) => Ok(*row.get(index)? == Value::Null),
        }
        .map_err(|error| wrong(index, error))?;
        if is_null {
            Ok(None)
        } else {
            T::from_row(row, index).map(Some)
        }
    }
}
