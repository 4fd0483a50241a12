//! Which faults a seed has, and how often. Every seed leaves some kinds out, so that others are met undisturbed.

use crate::chance::Chance;

/// Every fault that there is, as the trace names it.
pub const FAULTS: &[&str] = &[
    "ack.lost",
    "altered",
    "broker.away",
    "broker.error",
    "commit.late",
    "commit.refused",
    "commit.unknown",
    "crash",
    "cut",
    "lost.middle",
    "lost.stream",
    "lost.tail",
    "message.early",
    "message.lost",
    "message.twice",
    "publish.late",
    "publish.twice",
    "reader.stuck",
    "sql.error",
    "stall",
    "stop",
];

/// Chances per million of each occasion.
#[derive(Clone, Debug)]
pub struct Weather {
    /// Something takes a while.
    pub slow: u32,
    /// The longest while, in milliseconds.
    pub slowest: u64,
    /// The process ends before or after any effect.
    pub crash: u32,
    /// At most so many processes end this way.
    pub crashes: u32,
    /// A statement fails.
    pub sql_error: u32,
    /// A commit fails and has not happened.
    pub commit_refused: u32,
    /// A commit fails and has happened.
    pub commit_unknown: u32,
    /// A commit fails and happens later.
    pub commit_late: u32,
    /// A request to the broker fails before it arrives.
    pub broker_error: u32,
    /// A batch is taken and the answer is lost.
    pub ack_lost: u32,
    /// A batch arrives when its publisher has given up.
    pub publish_late: u32,
    /// A batch arrives twice.
    pub publish_twice: u32,
    /// A reader gets a message twice.
    pub message_twice: u32,
    /// A reader does not get a message.
    pub message_lost: u32,
    /// A reader gets a message too early.
    pub message_early: u32,
    /// A reader gets nothing any more.
    pub reader_stuck: u32,
    /// A connection between services breaks at some bytes.
    pub cut: u32,
    /// Bytes between services are held up for seconds.
    pub stall: u32,
    /// Mean time between disasters of the broker (a tail, a middle, a stream, an outage), in milliseconds; 0: never.
    pub disaster_every: u64,
    /// Mean time between orderly restarts, in milliseconds; 0: never.
    pub restart_every: u64,
    /// Replicas of each service.
    pub replicas: u32,
    /// Databases are servers, as Postgres is, which several replicas share and which go on without them. Otherwise a database
    /// is a file of its process, as with SQLite.
    pub shared: bool,
    /// Partitions of each log.
    pub partitions: u32,
    /// How long it lasts, in milliseconds.
    pub lasts: u64,
}

impl Weather {
    /// The weather of a seed.
    pub fn of(chance: &mut Chance) -> Self {
        let mut some = |most: u32| match chance.below(5) {
            0 | 1 => 0,
            2 => most / 8,
            3 => most / 3,
            _ => most,
        };
        let mut weather = Self {
            slow: 50_000 + some(250_000),
            slowest: 20,
            crash: some(900),
            crashes: 10,
            sql_error: some(4_000),
            commit_refused: some(8_000),
            commit_unknown: some(12_000),
            commit_late: some(8_000),
            broker_error: some(20_000),
            ack_lost: some(40_000),
            publish_late: some(30_000),
            publish_twice: some(30_000),
            message_twice: some(30_000),
            message_lost: some(20_000),
            message_early: some(20_000),
            reader_stuck: some(10_000),
            cut: some(3_000),
            stall: some(2_000),
            disaster_every: [0, 2_000, 5_000][chance.index(3)],
            restart_every: [0, 0, 6_000][chance.index(3)],
            replicas: [1, 2, 2][chance.index(3)],
            shared: chance.below(2) == 0,
            partitions: [1, 1, 2][chance.index(3)],
            lasts: 12_000,
        };
        weather.shared |= weather.replicas > 1;
        if !weather.shared {
            weather.commit_late = 0;
        }
        weather
    }
}
