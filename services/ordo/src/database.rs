//! Whether a Postgres server has room for a cluster, found out before anything is started.

use std::time::Duration;

use ordo_sql::StoreUrl;
use sqlx::{Connection as _, PgConnection};

use crate::fault::Fault;

/// Connections that one replica of the four services takes. At rest there are about 112: each of a service's logs has 8, each read
/// model 3, each inbox 2, and leases and keys have their own. The rest is for what comes for moments: rebuilds and checks, schemas that
/// are made, `ordo backup`, and an operator's psql.
pub const CONNECTIONS_OF_A_REPLICA: u64 = 130;

/// How long the server may take to answer.
const PATIENCE: Duration = Duration::from_secs(10);

/// How many connections a server gives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Limits {
    /// `max_connections`.
    most: u64,
    /// Those of them that are for superusers, or for roles that an operator names (from Postgres 16 on).
    reserved: u64,
}

/// Sees that the server of `store` has room for `replicas` of each service. What is no Postgres is not asked.
pub async fn check_room(store: &str, replicas: usize) -> Result<(), Fault> {
    if !store.starts_with("postgres") {
        return Ok(());
    }
    let store: StoreUrl = store
        .parse()
        .map_err(|error| Fault::usage_because("the store", error).about("--store"))?;
    let StoreUrl::Postgres(url) = &store else {
        return Ok(());
    };
    let limits = tokio::time::timeout(PATIENCE, limits(url))
        .await
        .map_err(|_| {
            let seconds = PATIENCE.as_secs();
            Fault::local(format_args!("{store} does not answer within {seconds} s"))
        })?
        // The driver's errors tell their causes themselves.
        .map_err(|error| Fault::local(format_args!("asking {store} for its limits: {error}")))?;
    match lacks_room(limits, replicas) {
        Some(why) => Err(Fault::local(why)),
        None => Ok(()),
    }
}

async fn limits(url: &str) -> Result<Limits, sqlx::Error> {
    let mut server = PgConnection::connect(url).await?;
    // `pg_settings` and not `show`: the last one of them is not known before Postgres 16.
    let settings: Vec<(String, String)> = sqlx::query_as(
        "select name, setting from pg_settings
         where name in ('max_connections', 'superuser_reserved_connections', 'reserved_connections')",
    )
    .fetch_all(&mut server)
    .await?;
    server.close().await?;
    let mut limits = Limits {
        most: 0,
        reserved: 0,
    };
    for (name, setting) in settings {
        let number: u64 = setting
            .parse()
            .map_err(|error| sqlx::Error::Decode(Box::new(error)))?;
        match name.as_str() {
            "max_connections" => limits.most = number,
            _ => limits.reserved += number,
        }
    }
    Ok(limits)
}

/// What to tell when there is too little.
fn lacks_room(limits: Limits, replicas: usize) -> Option<String> {
    let Limits { most, reserved } = limits;
    let allowed = most.saturating_sub(reserved);
    let needed = CONNECTIONS_OF_A_REPLICA * replicas as u64;
    if allowed >= needed {
        return None;
    }
    let of_what = match replicas {
        1 => "the four services need".to_owned(),
        _ => format!("{replicas} replicas of the four services need"),
    };
    let enough = needed + reserved;
    let mut text = format!(
        "the Postgres server allows {allowed} connections (max_connections = {most}, {reserved} of them reserved), and {of_what} \
         {needed}. Run `alter system set max_connections = {enough}` there and restart it"
    );
    let fewer = allowed / CONNECTIONS_OF_A_REPLICA;
    if fewer > 0 {
        text.push_str(&format!(", or start no more than --replicas {fewer}"));
    }
    text.push_str(". Nothing was started.");
    Some(text)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_server_has_room_for_as_many_replicas_as_it_allows_connections() {
        let limits = Limits {
            most: 2 * CONNECTIONS_OF_A_REPLICA + 3,
            reserved: 3,
        };
        assert_eq!(lacks_room(limits, 1), None);
        assert_eq!(lacks_room(limits, 2), None);
        let why = lacks_room(limits, 3).unwrap();
        for part in [
            "allows 260 connections",
            "3 replicas of the four services need 390",
            "`alter system set max_connections = 393`",
            "--replicas 2",
        ] {
            assert!(why.contains(part), "{why}");
        }
    }

    #[test]
    fn a_server_as_it_is_installed_has_no_room() {
        let limits = Limits {
            most: 100,
            reserved: 3,
        };
        let why = lacks_room(limits, 1).unwrap();
        assert!(
            why.contains("allows 97") && !why.contains("--replicas"),
            "{why}"
        );
    }

    #[test]
    fn the_documents_say_how_much_room_it_takes() {
        let documents = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs");
        for (document, says) in [
            (
                "CONFIGURATION.md",
                format!("**{CONNECTIONS_OF_A_REPLICA} for each replica"),
            ),
            (
                "CONFIGURATION.md",
                format!("= {}`", CONNECTIONS_OF_A_REPLICA + 3),
            ),
            (
                "OPERATIONS.md",
                format!("{CONNECTIONS_OF_A_REPLICA} connections for each replica"),
            ),
        ] {
            let text = std::fs::read_to_string(documents.join(document)).unwrap();
            assert!(text.contains(&says), "{document} does not say `{says}`");
        }
    }

    #[tokio::test]
    async fn what_is_no_postgres_is_not_asked() {
        for store in ["sqlite", "sqlite:/d", "mysql://db"] {
            assert!(check_room(store, 4).await.is_ok(), "{store}");
        }
    }
}
