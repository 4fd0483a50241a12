//! One program: started, watched, restarted when it dies, stopped.

use std::{
    collections::VecDeque,
    fs,
    io::Write as _,
    path::{Path, PathBuf},
    process::{ExitStatus, Stdio},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU32, Ordering},
    },
    time::{Duration, Instant},
};

use rustix::process::{Pid, Signal, kill_process};
use tokio::{
    io::{AsyncBufReadExt as _, AsyncRead, BufReader},
    process::{Child, Command},
    sync::watch,
    task::JoinHandle,
};

use crate::ClusterError;

/// Lines of a program's output that are kept to tell why it failed.
const LAST_WORDS: usize = 20;
/// Pause before the first restart; doubled while starts fail.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
/// Longest pause.
const LONGEST_PAUSE: Duration = Duration::from_secs(5);
/// Bytes of a log file before a new one is begun; the last full one is kept.
const LARGEST_LOG: u64 = 32 << 20;
/// A program that ran this long has not failed to start.
const STARTED: Duration = Duration::from_secs(5);

/// A line that a program printed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// Who.
    pub program: &'static str,
    /// What, without the line end.
    pub text: String,
    /// Said of the program by whoever watches it: that it ended, or cannot be started.
    pub of_it: bool,
}

/// Takes lines as they are printed.
pub struct Lines(Box<dyn Fn(Line) + Send + Sync>);

impl Lines {
    /// Gives each line to `take`, which must not block.
    pub fn to(take: impl Fn(Line) + Send + Sync + 'static) -> Self {
        Self(Box::new(take))
    }

    /// Lines go to the log files only.
    pub fn ignored() -> Self {
        Self::to(|_| {})
    }
}

impl std::fmt::Debug for Lines {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Lines")
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Wanted {
    Running,
    /// Ends by SIGTERM.
    Stopped,
    /// Ends by SIGKILL.
    Down,
}

/// A program under watch.
#[derive(Debug)]
pub(crate) struct Process {
    name: &'static str,
    wanted: watch::Sender<Wanted>,
    state: Arc<State>,
    watcher: JoinHandle<()>,
}

#[derive(Debug)]
struct State {
    name: &'static str,
    pid: watch::Sender<Option<u32>>,
    failed_starts: AtomicU32,
    last_words: Mutex<VecDeque<String>>,
    log: PathBuf,
    ready: PathBuf,
    lines: Arc<Lines>,
}

impl Process {
    /// A command that dies with this process, however that ends.
    pub(crate) fn command(program: &Path) -> Command {
        // From util-linux, which Debian always has.
        let setpriv = Path::new("/usr/bin/setpriv");
        if setpriv.is_file() {
            let mut command = Command::new(setpriv);
            command.args(["--pdeathsig", "TERM", "--"]).arg(program);
            command
        } else {
            Command::new(program)
        }
    }

    /// Watches `command`, which is not started yet.
    pub(crate) fn new(
        name: &'static str,
        mut command: Command,
        home: &Path,
        lines: Arc<Lines>,
    ) -> Self {
        command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            // A Ctrl-C at the terminal is for the supervisor, which then stops everything in order.
            .process_group(0)
            .kill_on_drop(true);
        let state = Arc::new(State {
            name,
            pid: watch::channel(None).0,
            failed_starts: AtomicU32::new(0),
            last_words: Mutex::default(),
            log: home.join(format!("logs/{name}.log")),
            ready: home.join(format!("{name}.ready")),
            lines,
        });
        let (wanted, changes) = watch::channel(Wanted::Stopped);
        let watcher = tokio::spawn(keep(command, Arc::clone(&state), changes));
        Self {
            name,
            wanted,
            state,
            watcher,
        }
    }

    pub(crate) fn name(&self) -> &'static str {
        self.name
    }

    pub(crate) fn pid(&self) -> Option<u32> {
        *self.state.pid.borrow()
    }

    /// Starts in a row that ended soon.
    pub(crate) fn failed_starts(&self) -> u32 {
        self.state.failed_starts.load(Ordering::Relaxed)
    }

    pub(crate) fn start(&self) {
        self.state.failed_starts.store(0, Ordering::Relaxed);
        remove(&self.state.ready);
        self.wanted.send_replace(Wanted::Running);
    }

    /// SIGKILL; it is started again by itself. Its ready file is gone when this returns.
    pub(crate) fn kill(&self) {
        signal(self.pid(), Signal::KILL);
        remove(&self.state.ready);
    }

    /// SIGKILL, and not started again.
    pub(crate) async fn take_down(&self) -> Result<(), ClusterError> {
        self.end(Wanted::Down, Duration::from_secs(10)).await
    }

    /// SIGTERM; SIGKILL when it has not ended in time.
    pub(crate) async fn stop(&self, patience: Duration) -> Result<(), ClusterError> {
        self.end(Wanted::Stopped, patience).await
    }

    async fn end(&self, how: Wanted, patience: Duration) -> Result<(), ClusterError> {
        self.wanted.send_replace(how);
        let mut pid = self.state.pid.subscribe();
        let ended = tokio::time::timeout(patience, pid.wait_for(Option::is_none));
        if ended.await.is_err() {
            signal(self.pid(), Signal::KILL);
            return Err(self.not_ready("did not stop in time and was killed"));
        }
        Ok(())
    }

    pub(crate) fn not_ready(&self, what: &'static str) -> ClusterError {
        let words = self
            .state
            .last_words
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        ClusterError::NotReady {
            program: self.name.to_owned(),
            what,
            log: words.iter().map(|line| format!("  {line}\n")).collect(),
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // The child is killed with its watcher.
        self.watcher.abort();
    }
}

/// Keeps the program as it is wanted.
async fn keep(mut command: Command, state: Arc<State>, mut wanted: watch::Receiver<Wanted>) {
    let mut pause = FIRST_PAUSE;
    loop {
        if wanted
            .wait_for(|wanted| *wanted == Wanted::Running)
            .await
            .is_err()
        {
            return;
        }
        remove(&state.ready);
        state.forget_words();
        let started = Instant::now();
        let mut child = match command.spawn() {
            Ok(child) => child,
            Err(error) => {
                state.say_of_it(format!("cannot be started: {error}"));
                state.failed_starts.fetch_add(1, Ordering::Relaxed);
                tokio::time::sleep(pause).await;
                pause = (pause * 2).min(LONGEST_PAUSE);
                continue;
            }
        };
        state.pid.send_replace(child.id());
        let pumps = [
            child
                .stdout
                .take()
                .map(|pipe| tokio::spawn(pump(pipe, Arc::clone(&state)))),
            child
                .stderr
                .take()
                .map(|pipe| tokio::spawn(pump(pipe, Arc::clone(&state)))),
        ];
        let status = watch_over(&mut child, &mut wanted).await;
        for pump in pumps.into_iter().flatten() {
            // Ends with the pipe.
            let _ = pump.await;
        }
        state.pid.send_replace(None);
        if *wanted.borrow() != Wanted::Running {
            continue;
        }
        if started.elapsed() > STARTED {
            pause = FIRST_PAUSE;
            state.failed_starts.store(0, Ordering::Relaxed);
        } else {
            state.failed_starts.fetch_add(1, Ordering::Relaxed);
        }
        state.say_of_it(format!("ended ({status}); starting it again"));
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}

/// Waits for the end of the child, and brings it about when it is wanted.
async fn watch_over(child: &mut Child, wanted: &mut watch::Receiver<Wanted>) -> String {
    let told = |ended: std::io::Result<ExitStatus>| match ended {
        Ok(status) => status.to_string(),
        Err(error) => error.to_string(),
    };
    tokio::select! {
        ended = child.wait() => return told(ended),
        change = wanted.wait_for(|wanted| *wanted != Wanted::Running) => {
            let how = change.map_or(Signal::KILL, |wanted| match *wanted {
                Wanted::Down => Signal::KILL,
                Wanted::Stopped | Wanted::Running => Signal::TERM,
            });
            signal(child.id(), how);
        }
    }
    told(child.wait().await)
}

async fn pump(pipe: impl AsyncRead + Unpin, state: Arc<State>) {
    let mut lines = BufReader::new(pipe).lines();
    while let Ok(Some(line)) = lines.next_line().await {
        state.say(line);
    }
}

impl State {
    /// What an earlier run said does not explain why this one failed.
    fn forget_words(&self) {
        self.last_words
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clear();
    }

    /// Passes on what the program says.
    fn say(&self, text: String) {
        self.tell(text, false);
    }

    /// Says something of the program.
    fn say_of_it(&self, text: String) {
        self.tell(text, true);
    }

    fn tell(&self, text: String, of_it: bool) {
        // A full disk must not stop the program that prints.
        let _ = append(&self.log, LARGEST_LOG, &text);
        let mut words = self
            .last_words
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if words.len() == LAST_WORDS {
            words.pop_front();
        }
        words.push_back(text.clone());
        drop(words);
        (self.lines.0)(Line {
            program: self.name,
            text,
            of_it,
        });
    }
}

/// Adds a line to a log. One that has grown to `largest` bytes is kept under the name `….log.1`, instead of the one before it.
fn append(log: &Path, largest: u64, text: &str) -> std::io::Result<()> {
    let mut file = fs::OpenOptions::new().create(true).append(true).open(log)?;
    writeln!(file, "{text}")?;
    if file.metadata()?.len() >= largest {
        fs::rename(log, log.with_extension("log.1"))?;
    }
    Ok(())
}

fn signal(pid: Option<u32>, signal: Signal) {
    let pid = pid
        .and_then(|pid| i32::try_from(pid).ok())
        .and_then(Pid::from_raw);
    if let Some(pid) = pid {
        // It may have ended by itself meanwhile.
        let _ = kill_process(pid, signal);
    }
}

fn remove(path: &Path) {
    // It may not be there.
    let _ = fs::remove_file(path);
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[tokio::test]
    async fn what_is_said_of_a_program_is_told_apart_from_what_it_says() {
        let folder = std::env::temp_dir().join(format!("ordo-watched-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        let (sender, mut lines) = tokio::sync::mpsc::channel(16);
        let lines_to = Lines::to(move |line| {
            let _ = sender.try_send((line.text, line.of_it));
        });
        let mut command = Command::new("/bin/sh");
        command.args(["-c", "echo hello; exit 3"]);
        let process = Process::new("greeter", command, &folder, Arc::new(lines_to));
        process.start();
        assert_eq!(lines.recv().await.unwrap(), ("hello".to_owned(), false));
        let (text, of_it) = lines.recv().await.unwrap();
        assert!(text.contains("exit status: 3") && of_it, "{text}");
        assert_eq!(lines.recv().await.unwrap(), ("hello".to_owned(), false));
        drop(process);
        fs::remove_dir_all(&folder).unwrap();
    }

    #[test]
    fn a_log_that_has_grown_large_is_kept_once() {
        let folder = std::env::temp_dir().join(format!("ordo-log-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        let log = folder.join("intake.log");
        for line in ["one", "two", "three", "four", "five"] {
            append(&log, 8, line).unwrap();
        }
        let kept = fs::read_to_string(folder.join("intake.log.1")).unwrap();
        assert_eq!(kept, "three\nfour\n");
        assert_eq!(fs::read_to_string(&log).unwrap(), "five\n");
        fs::remove_dir_all(&folder).unwrap();
    }
}
