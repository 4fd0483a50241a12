//! A server process that never outlives the test process.

use std::{
    io::{self, Write},
    os::unix::process::{CommandExt, ExitStatusExt},
    path::Path,
    process::{Child, ChildStdin, Command, ExitStatus, Stdio},
};

use rustix::process::{Pid, Signal, kill_process};

/// Why a server for tests did not start.
#[derive(Debug, thiserror::Error)]
pub enum ServerError {
    /// The program is not installed.
    #[error("no {program} found: {hint}")]
    NotFound {
        /// Program's name.
        program: &'static str,
        /// How to get it.
        hint: &'static str,
    },
    /// A file or process operation failed.
    #[error("{what}")]
    Io {
        /// What was tried.
        what: String,
        /// Why it failed.
        #[source]
        source: io::Error,
    },
    /// The server ended instead of serving.
    #[error("{program} did not start: {log}")]
    NotStarted {
        /// Program's name.
        program: &'static str,
        /// The end of its log.
        log: String,
    },
    /// A statement on the server failed.
    #[error("the database server refuses")]
    Sql(#[from] sqlx::Error),
}

pub(crate) trait IoContext<T> {
    /// Says what was tried.
    fn context(self, what: impl FnOnce() -> String) -> Result<T, ServerError>;
}

impl<T> IoContext<T> for io::Result<T> {
    fn context(self, what: impl FnOnce() -> String) -> Result<T, ServerError> {
        self.map_err(|source| ServerError::Io {
            what: what(),
            source,
        })
    }
}

/// Stops the server in `$1` by signal `$2` and removes the folder `$3` once standard input closes without a word:
/// the kernel closes it however the test process dies.
const REAPER: &str = r#"
trap '' HUP INT TERM
read -r word && exit 0
kill "-$2" "$1" 2>/dev/null
tries=0
while kill -0 "$1" 2>/dev/null; do
    # Ended, and nobody collects orphans here (process 1 of many containers does not).
    grep -q '^State:.*Z' "/proc/$1/status" 2>/dev/null && break
    tries=$((tries + 1))
    [ "$tries" -gt 100 ] && kill -KILL "$1"
    [ "$tries" -gt 200 ] && break
    sleep 0.05
done
rm -rf "$3"
"#;

/// A running server.
#[derive(Debug)]
pub(crate) struct Process {
    child: Child,
    reaper: Child,
    pipe: Option<ChildStdin>,
}

impl Process {
    /// Starts `command`, which is stopped with `signal` and whose `folder` is removed if this process dies first.
    pub(crate) fn start(
        mut command: Command,
        signal: &str,
        folder: &Path,
    ) -> Result<Self, ServerError> {
        let program = command.get_program().to_string_lossy().into_owned();
        let mut child = command
            .stdin(Stdio::null())
            .process_group(0)
            .spawn()
            .context(|| format!("starting {program}"))?;
        let reaper = Command::new("/bin/sh")
            .args(["-c", REAPER, "reaper", &child.id().to_string(), signal])
            .arg(folder)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .process_group(0)
            .spawn();
        match reaper {
            Ok(mut reaper) => Ok(Self {
                pipe: reaper.stdin.take(),
                child,
                reaper,
            }),
            Err(source) => {
                let _ = child.kill();
                let _ = child.wait();
                Err(ServerError::Io {
                    what: "starting the reaper".into(),
                    source,
                })
            }
        }
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    pub(crate) fn pid(&self) -> Option<Pid> {
        i32::try_from(self.child.id()).ok().and_then(Pid::from_raw)
    }

    /// Sends a signal to the server; it may have ended by itself.
    pub(crate) fn signal(&self, signal: Signal) {
        if let Some(pid) = self.pid() {
            let _ = kill_process(pid, signal);
        }
    }

    /// How it ended, if it did.
    pub(crate) fn ended(&mut self) -> Option<ExitStatus> {
        self.child
            .try_wait()
            .unwrap_or(Some(ExitStatus::from_raw(0)))
    }

    /// SIGKILL, then waits for the end.
    pub(crate) fn kill(mut self) -> Result<(), ServerError> {
        self.stop().context(|| "killing the server".into())
    }

    fn stop(&mut self) -> io::Result<()> {
        let killed = self.child.kill();
        self.child.wait()?;
        if let Some(mut pipe) = self.pipe.take() {
            // A reaper that is gone needs no word.
            let _ = pipe.write_all(b"done\n");
        }
        self.reaper.wait()?;
        killed
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.stop();
    }
}

/// The last lines of a log file.
pub(crate) fn tail(log: &Path) -> String {
    let text = std::fs::read_to_string(log).unwrap_or_default();
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(8)..].join(" | ")
}
