//! Databases of a run's own on a Postgres server.

use sqlx::{AssertSqlSafe, Connection as _, PgConnection, postgres::PgConnectOptions};

use crate::error::{BenchError, During as _};

/// An empty database made for one run on a Postgres server.
#[derive(Debug)]
pub struct Database {
    url: String,
    server: String,
    name: String,
}

impl Database {
    /// Makes the database `name`, which consists of ASCII letters, digits and `_`, on the server at the address `server`
    /// (`postgres://user@host/database`).
    pub async fn make(server: &str, name: &str) -> Result<Self, BenchError> {
        let letters = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
        if name.is_empty() || !name.bytes().all(letters) {
            return Err(BenchError::Option(format!(
                "no database is called `{name}`"
            )));
        }
        let url = with_database(server, name).ok_or_else(|| {
            BenchError::Option(format!(
                "`{server}` is not like `postgres://user@host/database`"
            ))
        })?;
        execute(server, &format!("create database {name}")).await?;
        Ok(Self {
            url,
            server: server.to_owned(),
            name: name.to_owned(),
        })
    }

    /// Its address.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Its size on disk.
    pub async fn bytes(&self) -> Result<u64, BenchError> {
        let mut connection = connect(&self.url).await?;
        let bytes: i64 = sqlx::query_scalar("select pg_database_size(current_database())")
            .fetch_one(&mut connection)
            .await
            .during("measuring the database")?;
        connection
            .close()
            .await
            .during("closing the connection to the server")?;
        Ok(bytes.unsigned_abs())
    }

    /// Drops it, whoever is connected.
    pub async fn remove(self) -> Result<(), BenchError> {
        let drop = format!("drop database if exists {} with (force)", self.name);
        execute(&self.server, &drop).await
    }
}

/// One connection to the server at an address.
pub(crate) async fn connect(url: &str) -> Result<PgConnection, BenchError> {
    let options: PgConnectOptions = url.parse().during("reading --store")?;
    PgConnection::connect_with(&options)
        .await
        .during("connecting to the Postgres server")
}

/// `sql` holds no input but a name that was looked at.
async fn execute(url: &str, sql: &str) -> Result<(), BenchError> {
    let mut connection = connect(url).await?;
    sqlx::raw_sql(AssertSqlSafe(sql.to_owned()))
        .execute(&mut connection)
        .await
        .during(sql)?;
    connection
        .close()
        .await
        .during("closing the connection to the server")
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
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn the_database_in_an_address_is_replaced() {
        let replaced = |server| with_database(server, "x").unwrap();
        assert_eq!(replaced("postgres://u:p@h:1/db"), "postgres://u:p@h:1/x");
        assert_eq!(replaced("postgres://h"), "postgres://h/x");
        assert_eq!(
            replaced("postgres://u@h/db?host=/tmp"),
            "postgres://u@h/x?host=/tmp"
        );
        assert_eq!(
            replaced("postgresql:///db?host=/tmp"),
            "postgresql:///x?host=/tmp"
        );
        assert_eq!(with_database("mysql://h/db", "x"), None);
    }
}
