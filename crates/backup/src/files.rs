//! Files that are on disk when they are said to be.

use std::{
    fs,
    io::{self, Read as _, Write as _},
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _},
    path::{Path, PathBuf},
};

use sha2::{Digest as _, Sha256};

use crate::BackupError;

pub(crate) fn sha256(bytes: &[u8]) -> String {
    hex::encode(Sha256::digest(bytes))
}

/// Makes the folder of a backup, readable by its owner only, unless it is there and empty.
pub(crate) fn empty_folder(folder: &Path) -> Result<(), BackupError> {
    let made = fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(folder);
    made.map_err(BackupError::file(folder))?;
    let mut entries = fs::read_dir(folder).map_err(BackupError::file(folder))?;
    match entries.next() {
        None => Ok(()),
        Some(_) => Err(BackupError::NotEmpty(folder.to_owned())),
    }
}

/// Size and SHA-256 of a file, after its bytes have reached the disk.
pub(crate) async fn seal(path: PathBuf) -> Result<(u64, String), BackupError> {
    blocking(move || {
        let file = fs::File::open(&path).map_err(BackupError::file(&path))?;
        file.sync_all().map_err(BackupError::file(&path))?;
        digest(file).map_err(BackupError::file(&path))
    })
    .await
}

/// Size and SHA-256 of a file.
pub(crate) async fn measure(path: PathBuf) -> Result<(u64, String), BackupError> {
    blocking(move || {
        let file = fs::File::open(&path).map_err(BackupError::file(&path))?;
        digest(file).map_err(BackupError::file(&path))
    })
    .await
}

fn digest(mut file: fs::File) -> io::Result<(u64, String)> {
    let mut hasher = Sha256::new();
    let mut buffer = vec![0; 1 << 20];
    let mut size = 0;
    loop {
        let read = file.read(&mut buffer)?;
        if read == 0 {
            return Ok((size, hex::encode(hasher.finalize())));
        }
        size += read as u64;
        hasher.update(&buffer[..read]);
    }
}

/// Copies a file; the copy is on disk when this returns.
pub(crate) async fn copy(from: PathBuf, to: PathBuf) -> Result<(), BackupError> {
    blocking(move || {
        fs::copy(&from, &to).map_err(BackupError::file(&to))?;
        let copied = fs::File::open(&to).and_then(|file| file.sync_all());
        copied.map_err(BackupError::file(&to))
    })
    .await
}

/// Puts a file in the place of another, or of none.
pub(crate) fn rename(from: &Path, to: &Path) -> Result<(), BackupError> {
    fs::rename(from, to).map_err(BackupError::file(to))
}

/// Removes a file that may not be there.
pub(crate) fn remove(path: &Path) -> Result<(), BackupError> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(BackupError::File {
            path: path.to_owned(),
            source: error,
        }),
        _ => Ok(()),
    }
}

/// Writes a small file beside its place and moves it there.
pub(crate) fn write(path: &Path, bytes: &[u8]) -> Result<(), BackupError> {
    let partial = path.with_extension("partial");
    let write = || -> io::Result<()> {
        let mut file = fs::OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o600)
            .open(&partial)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        fs::rename(&partial, path)
    };
    write().map_err(BackupError::file(path))
}

/// Makes new and moved names in `folder` last.
pub(crate) fn sync_folder(folder: &Path) -> Result<(), BackupError> {
    let synced = fs::File::open(folder).and_then(|folder| folder.sync_all());
    synced.map_err(BackupError::file(folder))
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, BackupError> + Send + 'static,
) -> Result<T, BackupError> {
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => done,
        Err(lost) => std::panic::resume_unwind(lost.into_panic()),
    }
}
