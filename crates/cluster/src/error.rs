//! Why a cluster does not start.

use std::{
    io,
    path::{Path, PathBuf},
};

/// Why a cluster does not start, or a program does not do what it should.
#[derive(Debug, thiserror::Error)]
pub enum ClusterError {
    /// A file cannot be read or written.
    #[error("{path}: {source}", path = path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A key cannot be used.
    #[error("the keys in {path}: {fault}", path = path.display())]
    Keys {
        /// The folder.
        path: PathBuf,
        /// What is wrong.
        fault: String,
    },
    /// Somebody else listens there.
    #[error(
        "port {port} is taken (wanted for {program}): is another cluster running? Stop it, or choose others with --free-ports"
    )]
    PortTaken {
        /// Which.
        port: u16,
        /// For whom.
        program: String,
    },
    /// Another cluster runs in the folder.
    #[error("a cluster is running in {home} already; stop it first, or name another folder with --home", home = home.display())]
    Running {
        /// The folder.
        home: PathBuf,
    },
    /// So many replicas cannot be.
    #[error("{0}")]
    Replicas(String),
    /// No such program is part of the cluster.
    #[error("there is no program named {0}")]
    NoProgram(String),
    /// A program is not installed.
    #[error("{program} is not at {path}: {hint}", path = path.display())]
    NotInstalled {
        /// Name.
        program: String,
        /// Where it was looked for.
        path: PathBuf,
        /// How to get it.
        hint: &'static str,
    },
    /// A program ended, or did not become ready in time.
    #[error("{program} {what}; its last words:\n{log}")]
    NotReady {
        /// Name.
        program: String,
        /// What happened instead.
        what: &'static str,
        /// The end of its log.
        log: String,
    },
}

impl ClusterError {
    pub(crate) fn file(path: &Path, source: io::Error) -> Self {
        Self::File {
            path: path.to_owned(),
            source,
        }
    }
}
