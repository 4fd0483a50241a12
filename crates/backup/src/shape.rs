//! The shape of a table, which both databases can have.

use sqlx::{AssertSqlSafe, PgConnection, Row as _, SqliteConnection};

use crate::BackupError;

/// A table as far as both databases know it: three types, not null, a primary key, indexes over columns.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Table {
    pub name: String,
    pub columns: Vec<Column>,
    pub primary_key: Vec<String>,
    pub indexes: Vec<Index>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Column {
    pub name: String,
    pub kind: Kind,
    pub not_null: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Bigint,
    Text,
    Bytea,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Index {
    pub name: String,
    pub unique: bool,
    pub columns: Vec<String>,
}

impl Kind {
    fn parse(name: &str) -> Option<Self> {
        match name.to_ascii_lowercase().as_str() {
            "bigint" | "int8" => Some(Self::Bigint),
            "text" => Some(Self::Text),
            "bytea" => Some(Self::Bytea),
            _ => None,
        }
    }

    pub fn sql(self) -> &'static str {
        match self {
            Self::Bigint => "bigint",
            Self::Text => "text",
            Self::Bytea => "bytea",
        }
    }
}

/// A name in SQL.
pub(crate) fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

fn list(names: &[String]) -> String {
    let names: Vec<String> = names.iter().map(|name| quoted(name)).collect();
    names.join(", ")
}

impl Table {
    /// `"a", "b", "c"`
    pub fn column_list(&self) -> String {
        let names: Vec<String> = self.columns.iter().map(|c| c.name.clone()).collect();
        list(&names)
    }

    /// Makes the table without its key and indexes. `text` is the type of texts.
    pub fn create(&self, text: &str) -> String {
        let columns: Vec<String> = self
            .columns
            .iter()
            .map(|column| {
                let kind = match column.kind {
                    Kind::Text => text,
                    other => other.sql(),
                };
                let not_null = if column.not_null { " not null" } else { "" };
                format!("{} {kind}{not_null}", quoted(&column.name))
            })
            .collect();
        format!(
            "create table {} ({})",
            quoted(&self.name),
            columns.join(", ")
        )
    }

    /// As [`create`](Self::create), with the key, which SQLite cannot add afterwards.
    pub fn create_with_key(&self) -> String {
        let mut sql = self.create("text");
        if !self.primary_key.is_empty() {
            sql.pop();
            sql.push_str(&format!(", primary key ({}))", list(&self.primary_key)));
        }
        sql
    }

    /// Adds the key.
    pub fn add_key(&self) -> Option<String> {
        (!self.primary_key.is_empty()).then(|| {
            format!(
                "alter table {} add primary key ({})",
                quoted(&self.name),
                list(&self.primary_key)
            )
        })
    }

    /// Makes the indexes.
    pub fn create_indexes(&self) -> Vec<String> {
        let create = |index: &Index| {
            format!(
                "create {}index {} on {} ({})",
                if index.unique { "unique " } else { "" },
                quoted(&index.name),
                quoted(&self.name),
                list(&index.columns)
            )
        };
        self.indexes.iter().map(create).collect()
    }
}

fn unsupported(database: &str, table: &str, detail: impl Into<String>) -> BackupError {
    BackupError::Unsupported {
        table: format!("{database}: {table}"),
        detail: detail.into(),
    }
}

/// The tables of a SQLite file.
pub(crate) async fn of_sqlite(
    connection: &mut SqliteConnection,
    database: &str,
) -> Result<Vec<Table>, BackupError> {
    let reading = || BackupError::database(format!("reading the tables of {database}"));
    let names: Vec<String> = sqlx::query_scalar(
        "select name from sqlite_master where type = 'table' and name not like 'sqlite\\_%' escape '\\' order by name",
    )
    .fetch_all(&mut *connection)
    .await
    .map_err(reading())?;
    let mut tables = Vec::new();
    for name in names {
        let mut table = Table {
            columns: Vec::new(),
            primary_key: Vec::new(),
            indexes: Vec::new(),
            name,
        };
        let columns = sqlx::query(
            "select name, type, \"notnull\", pk from pragma_table_info(?) order by cid",
        )
        .bind(table.name.as_str())
        .fetch_all(&mut *connection)
        .await
        .map_err(reading())?;
        let mut key = Vec::new();
        for row in &columns {
            let get = || -> Result<(String, String, i64, i64), sqlx::Error> {
                Ok((
                    row.try_get(0)?,
                    row.try_get(1)?,
                    row.try_get(2)?,
                    row.try_get(3)?,
                ))
            };
            let (column, kind, not_null, pk) = get().map_err(reading())?;
            let kind = Kind::parse(&kind).ok_or_else(|| {
                unsupported(database, &table.name, format!("`{column}` is {kind}"))
            })?;
            if pk > 0 {
                key.push((pk, column.clone()));
            }
            table.columns.push(Column {
                name: column,
                kind,
                not_null: not_null != 0,
            });
        }
        key.sort();
        table.primary_key = key.into_iter().map(|(_, column)| column).collect();
        let indexes = sqlx::query(
            "select name, \"unique\", partial from pragma_index_list(?) where origin = 'c' order by name",
        )
        .bind(table.name.as_str())
        .fetch_all(&mut *connection)
        .await
        .map_err(reading())?;
        for row in &indexes {
            let get = || -> Result<(String, i64, i64), sqlx::Error> {
                Ok((row.try_get(0)?, row.try_get(1)?, row.try_get(2)?))
            };
            let (index, unique, partial) = get().map_err(reading())?;
            let columns: Vec<Option<String>> =
                sqlx::query_scalar("select name from pragma_index_info(?) order by seqno")
                    .bind(index.as_str())
                    .fetch_all(&mut *connection)
                    .await
                    .map_err(reading())?;
            let columns: Option<Vec<String>> = columns.into_iter().collect();
            let Some(columns) = columns.filter(|_| partial == 0) else {
                let detail = format!("index {index} is partial or over an expression");
                return Err(unsupported(database, &table.name, detail));
            };
            table.indexes.push(Index {
                name: index,
                unique: unique != 0,
                columns,
            });
        }
        tables.push(table);
    }
    Ok(tables)
}

/// The tables of a schema.
pub(crate) async fn of_postgres(
    connection: &mut PgConnection,
    schema: &str,
) -> Result<Vec<Table>, BackupError> {
    let reading = || BackupError::database(format!("reading the tables of schema {schema}"));
    let names: Vec<String> = sqlx::query_scalar(
        "select tablename::text from pg_tables where schemaname = $1 order by 1",
    )
    .bind(schema)
    .fetch_all(&mut *connection)
    .await
    .map_err(reading())?;
    let mut tables = Vec::new();
    for name in names {
        let mut table = Table {
            columns: Vec::new(),
            primary_key: Vec::new(),
            indexes: Vec::new(),
            name,
        };
        let columns: Vec<(String, String, bool)> = sqlx::query_as(
            "select a.attname::text, t.typname::text, a.attnotnull
             from pg_attribute a join pg_type t on t.oid = a.atttypid
             join pg_class c on c.oid = a.attrelid join pg_namespace n on n.oid = c.relnamespace
             where n.nspname = $1 and c.relname = $2 and a.attnum > 0 and not a.attisdropped
             order by a.attnum",
        )
        .bind(schema)
        .bind(table.name.as_str())
        .fetch_all(&mut *connection)
        .await
        .map_err(reading())?;
        for (column, kind, not_null) in columns {
            let kind = Kind::parse(&kind)
                .ok_or_else(|| unsupported(schema, &table.name, format!("`{column}` is {kind}")))?;
            table.columns.push(Column {
                name: column,
                kind,
                not_null,
            });
        }
        let indexes: Vec<(String, bool, bool, bool, Vec<String>)> = sqlx::query_as(
            "select i.relname::text, x.indisprimary, x.indisunique,
                    x.indpred is not null or x.indexprs is not null,
                    array(select a.attname::text from unnest(x.indkey::int2[]) with ordinality as k(attribute, n)
                          join pg_attribute a on a.attrelid = x.indrelid and a.attnum = k.attribute order by k.n)
             from pg_index x join pg_class i on i.oid = x.indexrelid join pg_class c on c.oid = x.indrelid
             join pg_namespace n on n.oid = c.relnamespace
             where n.nspname = $1 and c.relname = $2 order by 1",
        )
        .bind(schema)
        .bind(table.name.as_str())
        .fetch_all(&mut *connection)
        .await
        .map_err(reading())?;
        for (index, primary, unique, special, columns) in indexes {
            if special {
                let detail = format!("index {index} is partial or over an expression");
                return Err(unsupported(schema, &table.name, detail));
            }
            if primary {
                table.primary_key = columns;
            } else {
                table.indexes.push(Index {
                    name: index,
                    unique,
                    columns,
                });
            }
        }
        tables.push(table);
    }
    Ok(tables)
}

/// Runs statements that were made here.
pub(crate) async fn run_sqlite(
    connection: &mut SqliteConnection,
    sql: String,
) -> Result<(), sqlx::Error> {
    sqlx::raw_sql(AssertSqlSafe(sql))
        .execute(connection)
        .await?;
    Ok(())
}

/// Runs statements that were made here.
pub(crate) async fn run_postgres(
    connection: &mut PgConnection,
    sql: String,
) -> Result<(), sqlx::Error> {
    sqlx::raw_sql(AssertSqlSafe(sql))
        .execute(connection)
        .await?;
    Ok(())
}
