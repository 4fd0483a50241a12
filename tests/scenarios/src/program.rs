//! `ordo`, the command line, as a process of its own.

use std::{
    ffi::OsStr,
    path::{Path, PathBuf},
    process::Stdio,
};

use ordo_cluster::Programs;
use tokio::process::Command;

use crate::Shop;

fn path() -> PathBuf {
    Programs::find().unwrap().services.join("ordo")
}

/// The program, for the cluster in `home`; its output is taken.
pub fn ordo(home: &Path) -> Command {
    let mut command = apart(Command::new(path()));
    command.arg("--home").arg(home);
    command
}

/// The same, called by `line` of a shell as `ordo`.
pub fn in_a_shell(home: &Path, line: &str) -> Command {
    let (program, home) = (path(), home.display());
    let program = program.display();
    let mut shell = apart(Command::new("bash"));
    shell.arg("-c").arg(format!(
        "ordo() {{ '{program}' --home '{home}' \"$@\"; }}\n{line}"
    ));
    shell
}

/// Without what is set here for other clusters.
fn apart(mut command: Command) -> Command {
    command
        .env_remove("ORDO_STORE")
        .env_remove("ORDO_TENANT")
        .env_remove("ORDO_TOKEN_FILE")
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
