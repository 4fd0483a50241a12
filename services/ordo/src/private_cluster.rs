//! A cluster for one run: its own nats-server, services and keys, gone afterwards.

use std::path::Path;

use ordo_bench::{BenchError, Database, PrivatePostgres};
use ordo_cluster::{Cluster, ClusterOptions, Lines, Ports, Programs};

use crate::{cluster::not_started, database::check_room, fault::Fault};

/// A running cluster, and its database when that is on Postgres.
#[derive(Debug)]
pub struct PrivateCluster {
    cluster: Cluster,
    database: Option<Database>,
}

impl PrivateCluster {
    /// The processes.
    pub fn cluster(&self) -> &Cluster {
        &self.cluster
    }

    /// The database; `None` on SQLite, whose files are in the cluster's folder.
    pub fn database(&self) -> Option<&Database> {
        self.database.as_ref()
    }
}

/// What kind of cluster.
#[derive(Debug, Clone, Copy)]
pub struct PrivateOptions<'a> {
    /// `sqlite`, `postgres` for a server of its own, or the address of a Postgres server, on which a database is made and
    /// dropped again.
    pub store: &'a str,
    /// Processes of each service; more than one needs Postgres.
    pub replicas: usize,
    /// Where the cluster lies and its files stay; a temporary folder when not given.
    pub folder: Option<&'a Path>,
}

/// Starts a cluster, does `work` on it and stops it again, also after a failure or Ctrl-C.
pub async fn on_private_cluster<T>(
    options: PrivateOptions<'_>,
    work: impl AsyncFnOnce(&PrivateCluster) -> Result<T, Fault>,
) -> Result<T, Fault> {
    let PrivateOptions {
        store,
        replicas,
        folder,
    } = options;
    let temporary = tempfile::Builder::new()
        .prefix("ordo-private-")
        .tempdir()
        .map_err(|error| Fault::because("making a folder", error))?;
    let home = folder.unwrap_or(temporary.path());
    // Ends when this function does, after everything that is connected to it.
    let server = match store {
        "postgres" => Some(PrivatePostgres::start().await.map_err(failed)?),
        _ => None,
    };
    let database = database(store, replicas, server.as_ref()).await?;
    let options = ClusterOptions {
        home: home.to_owned(),
        store: database.as_ref().map(|database| database.url().to_owned()),
        tenant: "demo".to_owned(),
        ports: Ports::Free,
        programs: Programs::find().map_err(Fault::local)?,
        settings: Vec::new(),
    };
    let (result, database) =
        match Cluster::start_replicated(options, replicas, Lines::ignored()).await {
            Ok(cluster) => {
                let private = PrivateCluster { cluster, database };
                let result = tokio::select! {
                    result = work(&private) => result,
                    _ = tokio::signal::ctrl_c() => Err(Fault::local("interrupted")),
                };
                let stopped = private.cluster.stop().await.map_err(Fault::local);
                (
                    result.and_then(|answer| stopped.map(|()| answer)),
                    private.database,
                )
            }
            Err(error) => (Err(not_started(error)), database),
        };
    if let Some(database) = database {
        database.remove().await.map_err(failed)?;
    }
    result
}

/// A database for the cluster; `None` for `sqlite`.
async fn database(
    store: &str,
    replicas: usize,
    server: Option<&PrivatePostgres>,
) -> Result<Option<Database>, Fault> {
    if store == "sqlite" {
        return Ok(None);
    }
    let address = server.map_or_else(|| store.to_owned(), PrivatePostgres::url);
    check_room(&address, replicas).await?;
    let name = format!("ordo_run_{}", uuid::Uuid::now_v7().simple());
    let made = Database::make(&address, &name).await;
    Ok(Some(made.map_err(failed)?))
}

fn failed(error: BenchError) -> Fault {
    Fault::because("making a database for this run", error)
}
