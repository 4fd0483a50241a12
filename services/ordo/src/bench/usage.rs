//! What processes use, as the kernel tells it.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use ordo_cluster::{BROKER, Cluster, SERVICES};

/// Clock ticks per second in `/proc`: fixed by Linux's interface to programs.
const TICKS_PER_SECOND: f64 = 100.0;

/// Processor time and memory of a cluster's processes, of this one, and of Postgres, at one moment.
#[derive(Debug, Default)]
pub struct Usage {
    /// Milliseconds of processor time so far, by process.
    pub cpu_ms: BTreeMap<String, f64>,
    /// Resident memory in MiB, of the cluster's own processes.
    pub rss_mb: BTreeMap<String, f64>,
}

impl Usage {
    /// Looks at `cluster`. A process that is not running has no entry.
    pub fn look(cluster: &Cluster) -> Self {
        let mut usage = Self::default();
        for name in SERVICES.into_iter().chain([BROKER]) {
            if let Ok(Some(pid)) = cluster.pid(name) {
                let process = PathBuf::from(format!("/proc/{pid}"));
                usage.cpu_ms.insert(name.to_owned(), cpu_ms(&process));
                usage.rss_mb.insert(name.to_owned(), rss_mb(&process));
            }
        }
        let this = cpu_ms(Path::new("/proc/self"));
        usage.cpu_ms.insert("load client".to_owned(), this);
        let postgres = postgres_cpu_ms();
        if postgres > 0.0 {
            usage.cpu_ms.insert("postgres".to_owned(), postgres);
        }
        usage
    }

    /// Processor time per order since `before`, by process.
    pub fn cpu_ms_per_order(&self, before: &Self, orders: usize) -> BTreeMap<String, f64> {
        let since = |(name, now): (&String, &f64)| {
            let before = before.cpu_ms.get(name).copied().unwrap_or_default();
            (name.clone(), (now - before) / orders.max(1) as f64)
        };
        self.cpu_ms.iter().map(since).collect()
    }
}

/// User and system time, children that ended and were waited for included.
fn cpu_ms(process: &Path) -> f64 {
    let stat = fs::read_to_string(process.join("stat")).unwrap_or_default();
    // The name in parentheses may hold anything.
    let Some((_, fields)) = stat.rsplit_once(") ") else {
        return 0.0;
    };
    let ticks: f64 = fields
        .split(' ')
        .skip(11)
        .take(4)
        .filter_map(|field| field.parse::<f64>().ok())
        .sum();
    ticks * 1_000.0 / TICKS_PER_SECOND
}

fn rss_mb(process: &Path) -> f64 {
    let status = fs::read_to_string(process.join("status")).unwrap_or_default();
    status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:")?.trim().strip_suffix(" kB"))
        .and_then(|kib| kib.trim().parse::<f64>().ok())
        .map_or(0.0, |kib| kib / 1_024.0)
}

/// Of every process of that name on this machine: which of them serves the cluster cannot be told from outside.
fn postgres_cpu_ms() -> f64 {
    let Ok(processes) = fs::read_dir("/proc") else {
        return 0.0;
    };
    processes
        .flatten()
        .map(|process| process.path())
        .filter(|process| {
            fs::read_to_string(process.join("comm")).is_ok_and(|name| name.trim() == "postgres")
        })
        .map(|process| cpu_ms(&process))
        .sum()
}

/// Bytes of the files under `folder` whose name `counts` accepts.
pub fn bytes_under(folder: &Path, counts: &impl Fn(&str) -> bool) -> u64 {
    let Ok(entries) = fs::read_dir(folder) else {
        return 0;
    };
    entries
        .flatten()
        .map(|entry| match entry.metadata() {
            Ok(metadata) if metadata.is_dir() => bytes_under(&entry.path(), counts),
            Ok(metadata) if counts(&entry.file_name().to_string_lossy()) => metadata.len(),
            _ => 0,
        })
        .sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_process_has_used_memory_and_is_found_by_its_path() {
        let this = Path::new("/proc/self");
        assert!(rss_mb(this) > 0.0);
        assert!(cpu_ms(this) >= 0.0);
        assert!(cpu_ms(Path::new("/proc/none")) <= 0.0);
    }

    #[test]
    fn files_are_counted_by_name_in_every_folder_below() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("inner")).unwrap();
        fs::write(folder.path().join("inner/a.log.db"), [0; 7]).unwrap();
        fs::write(folder.path().join("b.log.db"), [0; 5]).unwrap();
        fs::write(folder.path().join("c.txt"), [0; 3]).unwrap();
        let logs = |name: &str| name.ends_with(".log.db");
        assert_eq!(bytes_under(folder.path(), &logs), 12);
    }
}
