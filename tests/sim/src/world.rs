//! What all of a world shares: its dice, its trace, and who is alive.

use std::{
    collections::BTreeMap,
    fmt::{self, Write as _},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering},
    },
    time::Duration,
};

use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::{
    chance::Chance,
    weather::{FAULTS, Weather},
};

/// A simulated world.
#[derive(Debug)]
pub struct World {
    inner: Mutex<Inner>,
    /// No more faults.
    calm: AtomicBool,
    crashes: AtomicU32,
    lives: AtomicU64,
    start: Instant,
    /// What can happen here.
    pub weather: Weather,
    prints: bool,
}

#[derive(Debug)]
struct Inner {
    chance: Chance,
    hash: u64,
    notes: u64,
    counts: BTreeMap<&'static str, u64>,
    violations: Vec<String>,
    /// Time of the last note, in virtual milliseconds.
    last: u64,
}

/// One run of a process, from its start to its end. What a dead one does reaches nobody.
#[derive(Debug)]
pub struct Life {
    /// Told apart from the lives before it.
    pub number: u64,
    /// For example `intake.1`.
    pub name: String,
    alive: AtomicBool,
    /// Cancelled when it ends.
    pub ended: CancellationToken,
    /// Never ends by itself: people and channels.
    immortal: bool,
}

impl World {
    /// The world of `seed`.
    pub fn new(seed: u64, prints: bool) -> Arc<Self> {
        let mut chance = Chance::new(seed);
        Arc::new(Self {
            weather: Weather::of(&mut chance),
            inner: Mutex::new(Inner {
                chance,
                hash: 0xcbf2_9ce4_8422_2325,
                notes: 0,
                counts: BTreeMap::new(),
                violations: Vec::new(),
                last: 0,
            }),
            calm: AtomicBool::new(false),
            crashes: AtomicU32::new(0),
            lives: AtomicU64::new(0),
            start: Instant::now(),
            prints,
        })
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A process begins.
    pub fn born(&self, name: &str, immortal: bool) -> Arc<Life> {
        let number = self.lives.fetch_add(1, Ordering::Relaxed);
        self.note("born", format_args!("{name} as {number}"));
        Arc::new(Life {
            number,
            name: name.to_owned(),
            alive: AtomicBool::new(true),
            ended: CancellationToken::new(),
            immortal,
        })
    }

    /// A process ends, here and now. Nothing that it has under way comes to anything.
    pub fn kill(&self, life: &Life) {
        if life.alive.swap(false, Ordering::Relaxed) {
            self.note("killed", format_args!("{} {}", life.name, life.number));
            life.ended.cancel();
        }
    }

    /// Virtual milliseconds since the beginning.
    pub fn now(&self) -> u64 {
        self.start.elapsed().as_millis() as u64
    }

    /// From now on nothing goes wrong.
    pub fn heal(&self) {
        self.note("healed", format_args!(""));
        self.calm.store(true, Ordering::Relaxed);
    }

    /// Whether nothing goes wrong any more.
    pub fn is_calm(&self) -> bool {
        self.calm.load(Ordering::Relaxed)
    }

    /// A number from 0 to `end` - 1.
    pub fn below(&self, end: u64) -> u64 {
        self.inner().chance.below(end)
    }

    /// One of `choices`.
    pub fn pick<T: Clone>(&self, choices: &[T]) -> Option<T> {
        let index = self.inner().chance.index(choices.len());
        choices.get(index).cloned()
    }

    /// Whether a fault occurs here.
    pub fn hits(&self, per_million: u32) -> bool {
        self.inner().chance.hits(per_million) && !self.is_calm()
    }

    /// Adds to the trace. Two runs of a seed have the same notes at the same times.
    pub fn note(&self, kind: &'static str, detail: fmt::Arguments<'_>) {
        let micros = self.start.elapsed().as_micros();
        let mut inner = self.inner();
        inner.notes += 1;
        inner.last = (micros / 1000) as u64;
        *inner.counts.entry(kind).or_default() += 1;
        let mut hash = Hash(inner.hash);
        let _ = writeln!(hash, "{micros} {kind} {detail}");
        inner.hash = hash.0;
        if self.prints {
            drop(inner);
            eprintln!("{:>10.3} ms {kind:<16} {detail}", micros as f64 / 1000.0);
        }
    }

    /// Adds a fault, which is one of [`FAULTS`], to the trace.
    pub fn fault(&self, kind: &'static str, detail: fmt::Arguments<'_>) {
        assert!(FAULTS.contains(&kind), "{kind} is in no list of faults");
        self.note(kind, detail);
    }

    /// Something that must never be.
    pub fn violated(&self, what: String) {
        self.note("violation", format_args!("{what}"));
        self.inner().violations.push(what);
    }

    /// When the last note was made, in virtual milliseconds.
    pub fn ended_at(&self) -> u64 {
        self.inner().last
    }

    /// What was noted: hash, number of notes, how often which kind, and what must not be.
    pub fn summary(&self) -> (u64, u64, BTreeMap<&'static str, u64>, Vec<String>) {
        let inner = self.inner();
        (
            inner.hash,
            inner.notes,
            inner.counts.clone(),
            inner.violations.clone(),
        )
    }

    /// Before and after every effect of a process: it may take a while, and the process may end.
    pub async fn pass(&self, life: &Life) {
        life.exists().await;
        let wait = {
            let mut inner = self.inner();
            let slow = inner.chance.hits(self.weather.slow);
            let wait = inner.chance.below(self.weather.slowest * 1000);
            if inner.chance.hits(2_000) && !self.is_calm() {
                Some(wait * 50)
            } else {
                slow.then_some(wait)
            }
        };
        if let Some(micros) = wait {
            tokio::time::sleep(Duration::from_micros(micros)).await;
            life.exists().await;
        }
        if !life.immortal
            && self.hits(self.weather.crash)
            && self.crashes.fetch_add(1, Ordering::Relaxed) < self.weather.crashes
        {
            self.fault("crash", format_args!("{}", life.name));
            self.kill(life);
            life.exists().await;
        }
    }
}

impl Life {
    /// Goes on for the living only.
    pub async fn exists(&self) {
        if !self.is_alive() {
            std::future::pending::<()>().await;
        }
    }

    /// Whether it has not ended.
    pub fn is_alive(&self) -> bool {
        self.alive.load(Ordering::Relaxed)
    }
}

/// FNV-1a of whatever is written.
pub struct Hash(pub u64);

impl Hash {
    /// Adds bytes.
    pub fn add(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = (self.0 ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
        }
    }
}

impl fmt::Write for Hash {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.add(text.as_bytes());
        Ok(())
    }
}
