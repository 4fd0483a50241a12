//! Where the programs are.

use std::{
    env,
    path::{Path, PathBuf},
};

use crate::ClusterError;

/// Where the programs are.
#[derive(Debug, Clone)]
pub struct Programs {
    /// Folder with `ordo-intake` and its siblings.
    pub services: PathBuf,
    /// The broker.
    pub nats_server: PathBuf,
}

impl Programs {
    /// Services beside the running program (or one folder up, for test programs); nats-server from ORDO_NATS_SERVER, from the
    /// `.tools/bin` of a checkout around the running program or the current folder, or from PATH.
    pub fn find() -> Result<Self, ClusterError> {
        let this = env::current_exe()
            .map_err(|source| ClusterError::file(Path::new("the running program"), source))?;
        let services = this
            .ancestors()
            .skip(1)
            .take(2)
            .find(|folder| folder.join("ordo-intake").is_file())
            .unwrap_or_else(|| this.parent().unwrap_or(Path::new(".")))
            .to_owned();
        Ok(Self {
            nats_server: nats_server(&this)?,
            services,
        })
    }

    pub(crate) fn service(&self, service: &str) -> Result<PathBuf, ClusterError> {
        let path = self.services.join(format!("ordo-{service}"));
        if path.is_file() {
            return Ok(path);
        }
        Err(ClusterError::NotInstalled {
            program: format!("ordo-{service}"),
            path,
            hint: "build it with `cargo build --bins`",
        })
    }
}

fn nats_server(this: &Path) -> Result<PathBuf, ClusterError> {
    if let Some(named) = env::var_os("ORDO_NATS_SERVER") {
        return Ok(named.into());
    }
    let here = env::current_dir().unwrap_or_default();
    let checkouts = this.ancestors().chain(here.ancestors());
    let on_path = env::var_os("PATH").unwrap_or_default();
    let candidates = checkouts
        .map(|folder| folder.join(".tools/bin/nats-server"))
        .chain(env::split_paths(&on_path).map(|folder| folder.join("nats-server")));
    for candidate in candidates {
        if candidate.is_file() {
            return Ok(candidate);
        }
    }
    Err(ClusterError::NotInstalled {
        program: "nats-server".to_owned(),
        path: PathBuf::from(".tools/bin/nats-server"),
        hint: "fetch it with `deploy/tools/fetch nats-server`, or name it in ORDO_NATS_SERVER",
    })
}
