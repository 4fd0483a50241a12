//! A database of a run's own on a given Postgres server.

use sqlx::{Connection as _, Executor as _, PgConnection, postgres::PgConnectOptions};

use crate::fault::Fault;

/// A database made for one run.
#[derive(Debug)]
pub struct Database {
    /// Its address.
    pub url: String,
    server: String,
    name: String,
}

/// Makes an empty database on the server that `store` names; `None` for `sqlite`.
pub async fn prepare(store: &str) -> Result<Option<Database>, Fault> {
    if store == "sqlite" {
        return Ok(None);
    }
    let name = format!("ordo_run_{}", uuid::Uuid::now_v7().simple());
    let url = with_database(store, &name).ok_or_else(|| {
        Fault::local(format_args!(
            "`{store}` is neither `sqlite` nor `postgres://user@host/database`"
        ))
    })?;
    execute(store, &format!("create database {name}")).await?;
    Ok(Some(Database {
        url,
        server: store.to_owned(),
        name,
    }))
}

impl Database {
    /// Its size on disk.
    pub async fn bytes(&self) -> Result<u64, Fault> {
        let failed = |error: sqlx::Error| Fault::because("measuring the database", error);
        let options: PgConnectOptions = self.url.parse().map_err(failed)?;
        let mut connection = PgConnection::connect_with(&options).await.map_err(failed)?;
        let bytes: i64 = sqlx::query_scalar("select pg_database_size(current_database())")
            .fetch_one(&mut connection)
            .await
            .map_err(failed)?;
        connection.close().await.map_err(failed)?;
        Ok(bytes.unsigned_abs())
    }

    /// Drops it.
    pub async fn remove(self) -> Result<(), Fault> {
        execute(
            &self.server,
            &format!("drop database if exists {} with (force)", self.name),
        )
        .await
    }
}

/// `sql` holds no input but the name made above.
async fn execute(server: &str, sql: &str) -> Result<(), Fault> {
    let failed = |error: sqlx::Error| Fault::because("making a database for this run", error);
    let options: PgConnectOptions = server.parse().map_err(failed)?;
    let mut connection = PgConnection::connect_with(&options).await.map_err(failed)?;
    connection
        .execute(sqlx::AssertSqlSafe(sql.to_owned()))
        .await
        .map_err(failed)?;
    connection.close().await.map_err(failed)
}

/// The address with another database.
fn with_database(server: &str, name: &str) -> Option<String> {
    let scheme = ["postgres://", "postgresql://"]
        .into_iter()
        .find(|scheme| server.starts_with(scheme))?;
    let rest = &server[scheme.len()..];
    let (address, query) = match rest.split_once('?') {
        Some((address, query)) => (address, format!("?{query}")),
        None => (rest, String::new()),
    };
    let host = address.split_once('/').map_or(address, |(host, _)| host);
    Some(format!("{scheme}{host}/{name}{query}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_database_in_an_address_is_replaced() {
        let replaced = |server| with_database(server, "x").unwrap();
        assert_eq!(replaced("postgres://u:p@h:1/db"), "postgres://u:p@h:1/x");
        assert_eq!(replaced("postgres://h"), "postgres://h/x");
        assert_eq!(
            replaced("postgresql:///db?host=/tmp"),
            "postgresql:///x?host=/tmp"
        );
        assert_eq!(with_database("mysql://h/db", "x"), None);
    }
}
