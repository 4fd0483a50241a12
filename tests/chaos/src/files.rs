//! Copies of folders, small disks, full disks.

use std::{
    fs,
    io::Write as _,
    path::{Path, PathBuf},
    process::Command,
};

use crate::error::{ChaosError, Context as _};

/// A file system in memory, unmounted with its handle.
#[derive(Debug)]
pub struct SmallDisk {
    at: PathBuf,
}

impl SmallDisk {
    /// Mounts one of `megabytes` at `at`, which is made; `None` where that is not allowed.
    pub fn mount(at: &Path, megabytes: u32) -> Option<Self> {
        fs::create_dir_all(at).ok()?;
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o"])
            .arg(format!("size={megabytes}m,mode=0755"))
            .arg("ordo-chaos")
            .arg(at)
            .output();
        mounted
            .is_ok_and(|output| output.status.success())
            .then(|| Self { at: at.to_owned() })
    }

    /// Whether this process may mount one at all.
    pub fn possible(scratch: &Path) -> bool {
        Self::mount(&scratch.join("try"), 1).is_some()
    }

    /// Puts what it holds beside it, before it vanishes.
    pub fn keep(&self) {
        let beside = self.at.with_extension("kept");
        if copy(&self.at, &beside).is_err() {
            eprintln!("{} could not be kept", self.at.display());
        }
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        // Lazily: a process that is about to die may still have a file open.
        let _ = Command::new("umount").arg("-l").arg(&self.at).output();
    }
}

/// Takes every byte that is left on the disk below `folder`.
pub fn fill(folder: &Path) -> Result<(), ChaosError> {
    let path = folder.join(FILL);
    let mut file = fs::File::create(&path).context("making", &path)?;
    for size in [1 << 20, 1 << 12, 1] {
        let block = vec![0; size];
        // Ends with `no space left on device`.
        while file.write_all(&block).is_ok() {}
    }
    Ok(())
}

/// Gives the disk back.
pub fn empty(folder: &Path) {
    let _ = fs::remove_file(folder.join(FILL));
}

const FILL: &str = "fill";

/// Removes what is in a folder, and leaves the folder, which may be a mount.
pub fn clear(folder: &Path) -> Result<(), ChaosError> {
    for entry in fs::read_dir(folder).context("reading", folder)? {
        let path = entry.context("reading", folder)?.path();
        if path.is_dir() {
            fs::remove_dir_all(&path)
        } else {
            fs::remove_file(&path)
        }
        .context("removing", &path)?;
    }
    Ok(())
}

/// Copies a folder with owners and permissions, into `to`, which is made.
pub fn copy(from: &Path, to: &Path) -> Result<(), ChaosError> {
    fs::create_dir_all(to).context("making", to)?;
    let copied = Command::new("cp")
        .arg("-a")
        .arg(format!("{}/.", from.display()))
        .arg(to)
        .output()
        .context("copying", from)?;
    if copied.status.success() {
        return Ok(());
    }
    Err(ChaosError::failed(
        "copying",
        String::from_utf8_lossy(&copied.stderr),
    ))
}

/// Builds the programs written in C into `folder`.
pub fn build_native(folder: &Path) -> Result<(), ChaosError> {
    fs::create_dir_all(folder).context("making", folder)?;
    let native = Path::new(env!("CARGO_MANIFEST_DIR")).join("native");
    for (source, output, flags) in [
        (
            "failing_sync.c",
            "failing_sync.so",
            &["-shared", "-fPIC"][..],
        ),
        ("without_sync.c", "without_sync", &[]),
    ] {
        let built = Command::new("cc")
            .args(["-O1", "-Wall", "-o"])
            .arg(folder.join(output))
            .args(flags)
            .arg(native.join(source))
            .output()
            .context("running cc for", &native)?;
        if !built.status.success() {
            return Err(ChaosError::failed(
                "cc",
                String::from_utf8_lossy(&built.stderr),
            ));
        }
    }
    Ok(())
}
