//! What a cluster tells its clients.

use std::{
    collections::BTreeMap,
    fs, io,
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};

use crate::{ClusterError, SERVICES, ports::Addresses};

/// `cluster.json` in the cluster's folder.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClusterFile {
    /// Tenant that clients act for unless told otherwise.
    pub tenant: String,
    /// gRPC address of each service; of several replicas, separated by commas.
    pub services: BTreeMap<String, String>,
    /// Address of each service's `/metrics`, `/health/live` and `/health/ready`; of several replicas, separated by commas.
    pub metrics: BTreeMap<String, String>,
    /// The broker.
    pub nats: String,
    /// File with the administrator's token, relative to the folder.
    pub token_file: PathBuf,
    /// File with the token of an operator of the whole system, relative to the folder.
    pub operator_token_file: PathBuf,
}

impl ClusterFile {
    pub(crate) fn new(tenant: &str, addresses: &Addresses) -> Self {
        let by_service = |list: fn(&Addresses, &str) -> String| {
            SERVICES
                .iter()
                .map(|service| ((*service).to_owned(), list(addresses, service)))
                .collect()
        };
        Self {
            tenant: tenant.to_owned(),
            services: by_service(Addresses::grpc_list),
            metrics: by_service(Addresses::metrics_list),
            nats: format!("nats://127.0.0.1:{}", addresses.nats),
            token_file: PathBuf::from("keys/admin.token"),
            operator_token_file: PathBuf::from("keys/operator.token"),
        }
    }

    /// Reads the description of the cluster in `home`.
    pub fn read(home: &Path) -> Result<Self, ClusterError> {
        let path = home.join("cluster.json");
        let text = fs::read(&path).map_err(|source| ClusterError::file(&path, source))?;
        serde_json::from_slice(&text)
            .map_err(|error| ClusterError::file(&path, io::Error::other(error)))
    }

    pub(crate) fn write(&self, home: &Path) -> Result<(), ClusterError> {
        let path = home.join("cluster.json");
        let text = serde_json::to_vec_pretty(self)
            .map_err(|error| ClusterError::file(&path, io::Error::other(error)))?;
        let partial = home.join("cluster.json.new");
        fs::write(&partial, text)
            .and_then(|()| fs::rename(&partial, &path))
            .map_err(|source| ClusterError::file(&path, source))
    }
}
