//! Parameters.

use std::sync::Arc;

use sqlx::{
    Arguments as _, Encode, Postgres, Type,
    encode::IsNull,
    error::BoxDynError,
    postgres::{PgArgumentBuffer, PgArguments, PgTypeInfo, types::Oid},
    sqlite::SqliteArguments,
};

use crate::error::SqlError;

/// A bound parameter or a column's value.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Value {
    /// NULL; Postgres infers its type from where it stands.
    Null,
    /// `bigint`
    I64(i64),
    /// `text`
    Text(String),
    /// `bytea`
    Bytes(Vec<u8>),
    /// `bigint[]`, for `unnest` and `any`. Postgres only.
    I64s(Vec<Option<i64>>),
    /// `text[]`. Postgres only.
    Texts(Vec<Option<String>>),
    /// `bytea[]`. Postgres only.
    Blobs(Vec<Option<Vec<u8>>>),
}

/// Builds the parameters of a statement: `params![tenant, order_id, 5]`.
#[macro_export]
macro_rules! params {
    ($($value:expr),* $(,)?) => {
        [$($crate::Value::from($value)),*]
    };
}

macro_rules! from {
    ($($type:ty => |$value:ident| $make:expr),+ $(,)?) => {
        $(impl From<$type> for Value {
            fn from($value: $type) -> Self {
                $make
            }
        })+
    };
}

from! {
    i64 => |v| Self::I64(v),
    &i64 => |v| Self::I64(*v),
    i32 => |v| Self::I64(v.into()),
    u32 => |v| Self::I64(v.into()),
    u64 => |v| Self::I64(i64::try_from(v).unwrap_or(i64::MAX)),
    bool => |v| Self::I64(v.into()),
    &str => |v| Self::Text(v.to_owned()),
    String => |v| Self::Text(v),
    &String => |v| Self::Text(v.clone()),
    Arc<str> => |v| Self::Text(v.as_ref().to_owned()),
    &Arc<str> => |v| Self::Text(v.as_ref().to_owned()),
    Vec<u8> => |v| Self::Bytes(v),
    &[u8] => |v| Self::Bytes(v.to_vec()),
    &Vec<u8> => |v| Self::Bytes(v.clone()),
    [u8; 32] => |v| Self::Bytes(v.to_vec()),
    [u8; 16] => |v| Self::Bytes(v.to_vec()),
    &Value => |v| v.clone(),
}

impl<T: Into<Value>> From<Option<T>> for Value {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Null, Into::into)
    }
}

pub(crate) fn sqlite_arguments(values: &[Value]) -> Result<SqliteArguments, SqlError> {
    let mut arguments = SqliteArguments::default();
    for (index, value) in values.iter().enumerate() {
        match value {
            Value::Null => arguments.add(None::<i64>),
            Value::I64(value) => arguments.add(*value),
            Value::Text(value) => arguments.add(value.as_str()),
            Value::Bytes(value) => arguments.add(value.as_slice()),
            Value::I64s(_) | Value::Texts(_) | Value::Blobs(_) => {
                Err("SQLite has no arrays".into())
            }
        }
        .map_err(|error| refused(index, &error))?;
    }
    Ok(arguments)
}

pub(crate) fn postgres_arguments(values: &[Value]) -> Result<PgArguments, SqlError> {
    let mut arguments = PgArguments::default();
    for (index, value) in values.iter().enumerate() {
        match value {
            Value::Null => arguments.add(Untyped),
            Value::I64(value) => arguments.add(*value),
            Value::Text(value) => arguments.add(value.as_str()),
            Value::Bytes(value) => arguments.add(value.as_slice()),
            Value::I64s(values) => arguments.add(values),
            Value::Texts(values) => arguments.add(values),
            Value::Blobs(values) => arguments.add(values),
        }
        .map_err(|error| refused(index, &error))?;
    }
    Ok(arguments)
}

fn refused(index: usize, error: &BoxDynError) -> SqlError {
    SqlError::Parameter {
        index: index + 1,
        detail: error.to_string(),
    }
}

/// A NULL whose type the server infers.
struct Untyped;

impl Type<Postgres> for Untyped {
    fn type_info() -> PgTypeInfo {
        // `unknown` in pg_type.
        PgTypeInfo::with_oid(Oid(705))
    }
}

impl Encode<'_, Postgres> for Untyped {
    fn encode_by_ref(&self, _: &mut PgArgumentBuffer) -> Result<IsNull, BoxDynError> {
        Ok(IsNull::Yes)
    }
}
