//! What a figure was measured on.

use std::fs;

use serde::Serialize;

/// The machine and the build. A figure without them says nothing.
#[derive(Clone, Debug, Serialize)]
pub struct Machine {
    /// `release` or `debug`.
    pub profile: &'static str,
    /// Processors that this process may use.
    pub cores: usize,
    /// Load averages of 1, 5 and 15 minutes when the benchmark began, as the kernel prints them.
    pub load_before: String,
    /// The same at its end.
    pub load_after: String,
}

impl Machine {
    /// This machine now; [`done`](Self::done) adds the end.
    pub fn look() -> Self {
        let load = load();
        Self {
            profile: if cfg!(debug_assertions) {
                "debug"
            } else {
                "release"
            },
            cores: std::thread::available_parallelism().map_or(1, usize::from),
            load_before: load.clone(),
            load_after: load,
        }
    }

    /// The same at the benchmark's end.
    pub fn done(mut self) -> Self {
        self.load_after = load();
        self
    }

    /// Whether figures of this build say anything.
    pub fn is_meaningful(&self) -> bool {
        self.profile == "release"
    }

    /// One or two lines for people.
    pub fn describe(&self) -> String {
        let mut text = format!(
            "{} cores, {} build, load average {} before and {} after\n",
            self.cores, self.profile, self.load_before, self.load_after
        );
        if !self.is_meaningful() {
            text.push_str(
                "This is a debug build: these figures mean nothing. Build with --release.\n",
            );
        }
        text
    }
}

/// Load averages, or `unknown` on a system without `/proc`.
fn load() -> String {
    let text = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    let averages: Vec<&str> = text.split_whitespace().take(3).collect();
    if averages.is_empty() {
        "unknown".to_owned()
    } else {
        averages.join(" ")
    }
}
/// Resident memory of a process in bytes; `None` where the system does not tell.
pub(crate) fn resident_bytes(pid: u32) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kibibytes: u64 = line.split_whitespace().next()?.parse().ok()?;
    Some(kibibytes * 1024)
}
