//! `ordo`, the command line, as a process of its own.

use std::{ffi::OsStr, path::Path, process::Stdio};

use ordo_cluster::Programs;
use tokio::process::Command;

use crate::Shop;

/// The program, for the cluster in `home`; its output is taken.
pub fn ordo(home: &Path) -> Command {
    let mut command = Command::new(Programs::find().unwrap().services.join("ordo"));
    command
        .env_remove("ORDO_STORE")
        .env_remove("ORDO_TENANT")
        .env_remove("ORDO_TOKEN_FILE")
        .arg("--home")
        .arg(home)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true);
    command
}

/// What an ended program said: on standard output, or the exit status and what is on standard error.
pub async fn said(mut command: Command) -> Result<String, (Option<i32>, String)> {
    let ended = command.output().await.unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    if ended.status.success() {
        return Ok(text(ended.stdout));
    }
    Err((ended.status.code(), text(ended.stderr)))
}

impl Shop {
    /// Runs `ordo` against this shop's cluster.
    pub async fn ordo<A: AsRef<OsStr>>(
        &self,
        arguments: impl IntoIterator<Item = A>,
    ) -> Result<String, (Option<i32>, String)> {
        let mut command = ordo(self.cluster.home());
        command.args(arguments);
        said(command).await
    }
}
