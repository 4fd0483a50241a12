//! The points there are.

macro_rules! points {
    ($($(#[$doc:meta])+ $point:ident = $name:literal,)+) => {
        /// A place in the program. The name says between which two steps.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum CrashPoint {
            $($(#[$doc])+ $point,)+
        }

        impl CrashPoint {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$point),+];

            /// How it is named in the environment and in reports.
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$point => $name,)+
                }
            }
        }
    };
}

points! {
    /// The log: commands are taken from the queue, nothing is read or decided.
    LogBatchTaken = "log.batch-taken",
    /// The log: decided, before the database is asked for the partition's lock.
    LogBatchDecided = "log.batch-decided",
    /// The log: the database has the commit and may hold the lock; it has not answered. A stretch of time.
    LogCommitUnderWay = "log.commit-under-way",
    /// The log: committed, no caller has its answer.
    LogCommitted = "log.committed",
    /// The log: the first caller of the batch has its answer, the others have not.
    LogPartlyAnswered = "log.partly-answered",

    /// The relay: events are read from the log, none is sent.
    RelayBatchRead = "relay.batch-read",
    /// The relay: all messages of an atomic batch but the last are sent, so nothing is committed.
    RelayBatchStaged = "relay.batch-staged",
    /// The relay: the whole batch is sent and not yet acknowledged. A stretch of time.
    RelayBatchUnderWay = "relay.batch-under-way",
    /// The relay: acknowledged, nobody here knows.
    RelayBatchAcknowledged = "relay.batch-acknowledged",
    /// The relay: a stream that was wrong is deleted, the new one not created.
    RelayStreamDeleted = "relay.stream-deleted",
    /// The relay: the new stream is there, and empty.
    RelayStreamCreated = "relay.stream-created",

    /// A projection: tables and checkpoint are changed in the transaction, which is not committed.
    ProjectionApplied = "projection.applied",
    /// A projection: the database has been told to commit. A stretch of time.
    ProjectionCommitUnderWay = "projection.commit-under-way",
    /// A projection: committed, nobody who waits for it is told.
    ProjectionCommitted = "projection.committed",
    /// A rebuild: the new tables are complete and compared, the old ones serve.
    RebuildBuilt = "rebuild.built",
    /// A rebuild: it is stored that the new tables serve; this process still asks the old ones.
    RebuildSwitched = "rebuild.switched",
    /// A rebuild: nobody reads the old tables any more; they are still there.
    RebuildRetired = "rebuild.retired",

    /// A reaction: events are read and may be begun, the inbox does not have them.
    ReactionRead = "reaction.read",
    /// A reaction: the checkpoint is stored, with what is not done in the inbox.
    ReactionStored = "reaction.stored",
    /// A reaction: its command is on the way. A stretch of time.
    ReactionUnderWay = "reaction.under-way",
    /// A reaction: its command is answered; it is not noted as done.
    ReactionEffective = "reaction.effective",
    /// A reaction: it is noted as done, in the store and not in memory.
    ReactionDone = "reaction.done",
    /// A timer: it has come due and is not yet among the things to do.
    TimerDue = "timer.due",
    /// A timer: it is among the things to do and no longer among the timers.
    TimerRecorded = "timer.recorded",

    /// A data key: made, not stored.
    KeyMade = "key.made",
    /// A data key: the database has been told to commit it. A stretch of time.
    KeyCommitUnderWay = "key.commit-under-way",
    /// A data key: stored, not used.
    KeyWritten = "key.written",
}

impl CrashPoint {
    /// The point of that name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|point| point.name() == name)
    }

    /// Whether the point is a stretch of time, somewhere in which the process ends.
    pub const fn is_stretch(self) -> bool {
        matches!(
            self,
            Self::LogCommitUnderWay
                | Self::RelayBatchUnderWay
                | Self::ProjectionCommitUnderWay
                | Self::ReactionUnderWay
                | Self::KeyCommitUnderWay
        )
    }
}
