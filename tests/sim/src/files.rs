//! The databases: SQLite in the world's own thread, committed at once and lost never, but slow, failing, and of unknown outcome
//! when the world wants it.

mod connection;
mod transaction;

use std::{
    collections::BTreeMap,
    fmt,
    path::PathBuf,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use futures::{FutureExt as _, future::BoxFuture};
use ordo_sql::{
    OpenOptions, SqlError, Value,
    plugged::{Access, Answer, Database, Databases, Transaction},
};
use rusqlite::Connection;
use tokio::sync::OwnedMutexGuard;

use self::transaction::OpenTransaction;
use crate::world::{Life, World};

/// SQLITE_IOERR and SQLITE_ERROR.
const AWAY: u32 = 10;
const NO_SUCH_TABLE: u32 = 1;

/// All databases of a world.
pub struct Files {
    world: Arc<World>,
    folder: PathBuf,
    files: Mutex<BTreeMap<String, Arc<File>>>,
    /// Transactions under way, so that the end of a process ends them too.
    open: Mutex<BTreeMap<u64, Held>>,
    numbers: AtomicU64,
}

/// One database.
struct File {
    name: String,
    path: PathBuf,
    /// Held by whoever writes.
    lock: Arc<tokio::sync::Mutex<()>>,
    writer: Mutex<Connection>,
    readers: Mutex<Vec<Connection>>,
    removed: AtomicBool,
}

/// What a transaction occupies.
struct Held {
    life: u64,
    file: Arc<File>,
    place: Place,
}

enum Place {
    /// The only writing connection.
    Writer { _lock: OwnedMutexGuard<()> },
    /// A connection of its own.
    Reader(Box<Connection>),
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn away(what: &str) -> SqlError {
    SqlError::reported(AWAY, what)
}

impl Files {
    /// Databases in `folder`, none at first.
    pub fn new(world: Arc<World>, folder: PathBuf) -> Arc<Self> {
        Arc::new(Self {
            world,
            folder,
            files: Mutex::default(),
            open: Mutex::default(),
            numbers: AtomicU64::new(0),
        })
    }

    /// The databases as a process reaches them.
    pub fn of(self: &Arc<Self>, life: &Arc<Life>, shared: bool) -> Arc<dyn Databases> {
        Arc::new(Reach {
            files: Arc::clone(self),
            life: Arc::clone(life),
            shared,
        })
    }

    /// A process has ended: what it had not committed never was.
    pub fn forget(&self, life: &Life) {
        let mut open = locked(&self.open);
        let ended: Vec<u64> = open
            .iter()
            .filter(|(_, held)| held.life == life.number)
            .map(|(number, _)| *number)
            .collect();
        let ended: Vec<_> = ended
            .iter()
            .filter_map(|number| open.remove(number))
            .collect();
        drop(open);
        for held in ended {
            held.undo();
        }
    }

    fn file(&self, name: &str) -> Result<Arc<File>, SqlError> {
        let mut files = locked(&self.files);
        if let Some(file) = files.get(name) {
            return Ok(Arc::clone(file));
        }
        let number = self.numbers.fetch_add(1, Ordering::Relaxed);
        let path = self.folder.join(format!("{name}.{number}.db"));
        let writer = connection::open(&path)?;
        let file = Arc::new(File {
            name: name.to_owned(),
            path,
            lock: Arc::default(),
            writer: Mutex::new(writer),
            readers: Mutex::default(),
            removed: AtomicBool::new(false),
        });
        files.insert(name.to_owned(), Arc::clone(&file));
        Ok(file)
    }
}

impl Held {
    /// Ends the transaction without effect.
    fn undo(self) {
        match self.place {
            Place::Writer { .. } => connection::roll_back(&locked(&self.file.writer)),
            Place::Reader(connection) => {
                connection::roll_back(&connection);
                locked(&self.file.readers).push(*connection);
            }
        }
    }
}

impl File {
    fn check(&self) -> Result<(), SqlError> {
        if self.removed.load(Ordering::Relaxed) {
            return Err(SqlError::reported(
                NO_SUCH_TABLE,
                "the database was removed",
            ));
        }
        Ok(())
    }

    fn reader(&self) -> Result<Connection, SqlError> {
        match locked(&self.readers).pop() {
            Some(connection) => Ok(connection),
            None => connection::open(&self.path),
        }
    }
}

/// The databases as one process reaches them.
struct Reach {
    files: Arc<Files>,
    life: Arc<Life>,
    shared: bool,
}

impl fmt::Debug for Reach {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "simulated databases of {}", self.life.name)
    }
}

impl Databases for Reach {
    fn open<'a>(
        &'a self,
        database: &'a str,
        _: OpenOptions,
    ) -> BoxFuture<'a, Result<Arc<dyn Database>, SqlError>> {
        async move {
            self.files.world.pass(&self.life).await;
            Ok(Arc::new(Handle {
                file: self.files.file(database)?,
                files: Arc::clone(&self.files),
                life: Arc::clone(&self.life),
                shared: self.shared,
                closed: AtomicBool::new(false),
            }) as Arc<dyn Database>)
        }
        .boxed()
    }

    fn remove<'a>(&'a self, database: &'a str) -> BoxFuture<'a, Result<(), SqlError>> {
        async move {
            let world = &self.files.world;
            world.pass(&self.life).await;
            let removed = locked(&self.files.files).remove(database);
            if let Some(file) = removed {
                world.note("sql.remove", format_args!("{database}"));
                file.removed.store(true, Ordering::Relaxed);
            }
            Ok(())
        }
        .boxed()
    }
}

/// A database as one process has it open.
struct Handle {
    files: Arc<Files>,
    file: Arc<File>,
    life: Arc<Life>,
    shared: bool,
    closed: AtomicBool,
}

impl fmt::Debug for Handle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} of {}", self.file.name, self.life.name)
    }
}

impl Handle {
    /// What every access begins with.
    async fn enter(&self) -> Result<(), SqlError> {
        let world = &self.files.world;
        world.pass(&self.life).await;
        if self.closed.load(Ordering::Relaxed) {
            return Err(SqlError::Closed);
        }
        self.file.check()?;
        if world.hits(world.weather.sql_error) {
            world.fault("sql.error", format_args!("{self:?}"));
            return Err(away("the statement failed"));
        }
        Ok(())
    }

    /// Waits until nobody else writes.
    async fn lock(&self) -> Result<OwnedMutexGuard<()>, SqlError> {
        let lock = Arc::clone(&self.file.lock).lock_owned().await;
        if !self.life.is_alive() {
            drop(lock);
            self.life.exists().await;
            return Err(SqlError::Closed);
        }
        self.file.check()?;
        Ok(lock)
    }

    async fn run_alone(&self, sql: String, params: Vec<Value>) -> Result<Answer, SqlError> {
        self.enter().await?;
        let world = &self.files.world;
        let weather = &world.weather;
        if world.hits(weather.commit_refused) {
            world.fault("commit.refused", format_args!("{self:?}"));
            return Err(away("the commit failed"));
        }
        if world.hits(weather.commit_late) {
            world.fault("commit.late", format_args!("{self:?}"));
            let (file, world) = (Arc::clone(&self.file), Arc::clone(world));
            let wait = Duration::from_millis(world.below(3_000));
            tokio::spawn(async move {
                tokio::time::sleep(wait).await;
                let _lock = Arc::clone(&file.lock).lock_owned().await;
                let done = connection::run_alone(&locked(&file.writer), &sql, &params);
                world.note(
                    "commit.arrives",
                    format_args!("{} {}", file.name, done.is_ok()),
                );
            });
            return Err(away("the commit was not answered"));
        }
        let lock = self.lock().await?;
        let answer = connection::run_alone(&locked(&self.file.writer), &sql, &params);
        world.note(
            "sql.write",
            format_args!(
                "{self:?} {:x} {}",
                connection::digest(&sql, &params),
                shape(&answer)
            ),
        );
        drop(lock);
        world.pass(&self.life).await;
        if answer.is_ok() && world.hits(weather.commit_unknown) {
            world.fault("commit.unknown", format_args!("{self:?}"));
            return Err(away("the commit was not answered"));
        }
        answer
    }
}

fn shape(answer: &Result<Answer, SqlError>) -> String {
    match answer {
        Ok(answer) => format!("{}/{}", answer.rows.len(), answer.touched),
        Err(error) => error.code().unwrap_or_else(|| "refused".to_owned()),
    }
}

impl Database for Handle {
    fn is_shared(&self) -> bool {
        self.shared
    }

    fn begin(&self, access: Access) -> BoxFuture<'_, Result<Box<dyn Transaction>, SqlError>> {
        async move {
            self.enter().await?;
            let place = match access {
                Access::Write => {
                    let lock = self.lock().await?;
                    connection::begin(&locked(&self.file.writer), "begin immediate")?;
                    Place::Writer { _lock: lock }
                }
                Access::Snapshot => {
                    let connection = self.file.reader()?;
                    connection::begin(&connection, "begin")?;
                    Place::Reader(Box::new(connection))
                }
            };
            let number = self.files.numbers.fetch_add(1, Ordering::Relaxed);
            let held = Held {
                life: self.life.number,
                file: Arc::clone(&self.file),
                place,
            };
            locked(&self.files.open).insert(number, held);
            Ok(Box::new(OpenTransaction {
                files: Arc::clone(&self.files),
                file: Arc::clone(&self.file),
                life: Arc::clone(&self.life),
                number,
                writes: access == Access::Write,
                broken: false,
            }) as Box<dyn Transaction>)
        }
        .boxed()
    }

    fn run(&self, sql: String, params: Vec<Value>) -> BoxFuture<'_, Result<Answer, SqlError>> {
        self.run_alone(sql, params).boxed()
    }

    fn read(&self, sql: String, params: Vec<Value>) -> BoxFuture<'_, Result<Answer, SqlError>> {
        async move {
            self.enter().await?;
            let connection = self.file.reader()?;
            let answer = connection::run(&connection, &sql, &params);
            locked(&self.file.readers).push(connection);
            self.files.world.note(
                "sql.read",
                format_args!(
                    "{self:?} {:x} {}",
                    connection::digest(&sql, &params),
                    shape(&answer)
                ),
            );
            answer
        }
        .boxed()
    }

    fn close(&self) -> BoxFuture<'_, ()> {
        async move { self.closed.store(true, Ordering::Relaxed) }.boxed()
    }
}
