//! The shape of a table, which both databases can have.

use sqlx::{AssertSqlSafe, PgConnection, SqliteConnection};

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

/// What a database says about a table, before it is known whether the other one can have such a table.
struct Found {
    name: String,
    /// Name, type, not null.
    columns: Vec<(String, String, bool)>,
    primary_key: Vec<String>,
    indexes: Vec<FoundIndex>,
}

struct FoundIndex {
    name: String,
    unique: bool,
    /// `None`: it is partial or over an expression.
    columns: Option<Vec<String>>,
}

impl Found {
    fn table(self, database: &str) -> Result<Table, BackupError> {
        let unsupported = |detail| BackupError::Unsupported {
            table: format!("{database}: {}", self.name),
            detail,
        };
        let mut columns = Vec::new();
        for (name, kind, not_null) in self.columns {
            let Some(kind) = Kind::parse(&kind) else {
                return Err(unsupported(format!("`{name}` is {kind}")));
            };
            columns.push(Column {
                name,
                kind,
                not_null,
            });
        }
        let mut indexes = Vec::new();
        for FoundIndex {
            name,
            unique,
            columns,
        } in self.indexes
        {
            let Some(columns) = columns else {
                let detail = format!("index {name} is partial or over an expression");
                return Err(unsupported(detail));
            };
            indexes.push(Index {
                name,
                unique,
                columns,
            });
        }
        Ok(Table {
            name: self.name,
            columns,
            primary_key: self.primary_key,
            indexes,
        })
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
        let found = found_in_sqlite(connection, name).await.map_err(reading())?;
        tables.push(found.table(database)?);
    }
    Ok(tables)
}

async fn found_in_sqlite(
    connection: &mut SqliteConnection,
    name: String,
) -> Result<Found, sqlx::Error> {
    let columns: Vec<(String, String, i64, i64)> =
        sqlx::query_as("select name, type, \"notnull\", pk from pragma_table_info(?) order by cid")
            .bind(name.as_str())
            .fetch_all(&mut *connection)
            .await?;
    let mut key: Vec<(i64, String)> = columns
        .iter()
        .filter(|(.., place)| *place > 0)
        .map(|(column, .., place)| (*place, column.clone()))
        .collect();
    key.sort();
    let listed: Vec<(String, i64, i64)> = sqlx::query_as(
        "select name, \"unique\", partial from pragma_index_list(?) where origin = 'c' order by name",
    )
    .bind(name.as_str())
    .fetch_all(&mut *connection)
    .await?;
    let mut indexes = Vec::new();
    for (index, unique, partial) in listed {
        // An expression has no name.
        let columns: Vec<Option<String>> =
            sqlx::query_scalar("select name from pragma_index_info(?) order by seqno")
                .bind(index.as_str())
                .fetch_all(&mut *connection)
                .await?;
        let columns: Option<Vec<String>> = columns.into_iter().collect();
        indexes.push(FoundIndex {
            name: index,
            unique: unique != 0,
            columns: columns.filter(|_| partial == 0),
        });
    }
    Ok(Found {
        name,
        columns: columns
            .into_iter()
            .map(|(column, kind, not_null, _)| (column, kind, not_null != 0))
            .collect(),
        primary_key: key.into_iter().map(|(_, column)| column).collect(),
        indexes,
    })
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
        let found = found_in_postgres(connection, schema, name).await;
        tables.push(found.map_err(reading())?.table(schema)?);
    }
    Ok(tables)
}

async fn found_in_postgres(
    connection: &mut PgConnection,
    schema: &str,
    name: String,
) -> Result<Found, sqlx::Error> {
    let columns = sqlx::query_as(
        "select a.attname::text, t.typname::text, a.attnotnull
         from pg_attribute a join pg_type t on t.oid = a.atttypid
         join pg_class c on c.oid = a.attrelid join pg_namespace n on n.oid = c.relnamespace
         where n.nspname = $1 and c.relname = $2 and a.attnum > 0 and not a.attisdropped
         order by a.attnum",
    )
    .bind(schema)
    .bind(name.as_str())
    .fetch_all(&mut *connection)
    .await?;
    let listed: Vec<(String, bool, bool, bool, Vec<String>)> = sqlx::query_as(
        "select i.relname::text, x.indisprimary, x.indisunique,
                x.indpred is not null or x.indexprs is not null,
                array(select a.attname::text from unnest(x.indkey::int2[]) with ordinality as k(attribute, n)
                      join pg_attribute a on a.attrelid = x.indrelid and a.attnum = k.attribute order by k.n)
         from pg_index x join pg_class i on i.oid = x.indexrelid join pg_class c on c.oid = x.indrelid
         join pg_namespace n on n.oid = c.relnamespace
         where n.nspname = $1 and c.relname = $2 order by 1",
    )
    .bind(schema)
    .bind(name.as_str())
    .fetch_all(&mut *connection)
    .await?;
    let (mut primary_key, mut indexes) = (Vec::new(), Vec::new());
    for (index, primary, unique, special, columns) in listed {
        // A primary key is never partial or over an expression.
        if primary {
            primary_key = columns;
        } else {
            indexes.push(FoundIndex {
                name: index,
                unique,
                columns: (!special).then_some(columns),
            });
        }
    }
    Ok(Found {
        name,
        columns,
        primary_key,
        indexes,
    })
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
