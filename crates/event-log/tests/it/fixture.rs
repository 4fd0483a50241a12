//! Two small aggregates, and a store to keep them in.

use bytes::Bytes;
use ordo_decider::Decider;
use ordo_event_log::{
    Aggregate, CodecError, Command, EncodedEvent, EventLog, EventLogConfig, ExecuteError, Halt,
    Receipt, TenantId, Unit,
};
use ordo_sql::{Db, OpenOptions};
use ordo_testkit::TestStore;
use prost::Message as _;

/// Money in a till: never below zero. Offers snapshots.
pub struct Till;

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TillState {
    pub balance: i64,
    pub entries: u64,
}

pub enum TillCommand {
    Put(i64),
    Take(i64),
}

#[derive(Clone, PartialEq, prost::Message)]
pub struct Moved {
    #[prost(int64, tag = "1")]
    pub amount: i64,
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("only {0} left")]
pub struct Short(pub i64);

impl Decider for Till {
    type State = TillState;
    type Command = TillCommand;
    type Event = Moved;
    type Error = Short;

    fn decide(state: &TillState, command: TillCommand) -> Result<Vec<Moved>, Short> {
        match command {
            TillCommand::Put(amount) => Ok(vec![Moved { amount }]),
            TillCommand::Take(amount) if amount > state.balance => Err(Short(state.balance)),
            TillCommand::Take(amount) => Ok(vec![Moved { amount: -amount }]),
        }
    }

    fn evolve(state: TillState, event: &Moved) -> TillState {
        TillState {
            balance: state.balance + event.amount,
            entries: state.entries + 1,
        }
    }
}

/// An amount that `Till::decode` stumbles over.
pub const PANICS: i64 = 1_234_567;

pub const MOVED: &str = "test.v1.Moved";

impl Aggregate for Till {
    const NAME: &'static str = "till";

    fn encode(event: &Moved) -> EncodedEvent {
        EncodedEvent {
            type_name: MOVED,
            payload: event.encode_to_vec().into(),
        }
    }

    fn decode(type_name: &str, payload: &[u8]) -> Result<Moved, CodecError> {
        if type_name != MOVED {
            return Err(CodecError::UnknownType(type_name.to_owned()));
        }
        let moved = Moved::decode(payload).map_err(|source| CodecError::Decode {
            type_name: MOVED.to_owned(),
            source,
        })?;
        assert_ne!(moved.amount, PANICS, "a mistake in a codec");
        Ok(moved)
    }

    fn snapshot(state: &TillState) -> Option<Vec<u8>> {
        let mut bytes = state.balance.to_be_bytes().to_vec();
        bytes.extend(state.entries.to_be_bytes());
        Some(bytes)
    }

    fn restore(snapshot: &[u8]) -> Result<TillState, CodecError> {
        let (balance, entries) = snapshot.split_at(snapshot.len().min(8));
        match (balance.try_into(), entries.try_into()) {
            (Ok(balance), Ok(entries)) => Ok(TillState {
                balance: i64::from_be_bytes(balance),
                entries: u64::from_be_bytes(entries),
            }),
            _ => Err(CodecError::UnknownType("till snapshot".to_owned())),
        }
    }
}

/// Notes of any size. No snapshots.
pub struct Notebook;

impl Decider for Notebook {
    type State = u64;
    type Command = Bytes;
    type Event = Bytes;
    type Error = std::convert::Infallible;

    fn decide(_: &u64, note: Bytes) -> Result<Vec<Bytes>, Self::Error> {
        Ok(vec![note])
    }

    fn evolve(notes: u64, _: &Bytes) -> u64 {
        notes + 1
    }
}

impl Aggregate for Notebook {
    const NAME: &'static str = "notebook";

    fn encode(note: &Bytes) -> EncodedEvent {
        EncodedEvent {
            type_name: "test.v1.Noted",
            payload: note.clone(),
        }
    }

    fn decode(_: &str, payload: &[u8]) -> Result<Bytes, CodecError> {
        Ok(Bytes::copy_from_slice(payload))
    }
}

/// An empty store.
pub struct Ground {
    pub store: TestStore,
}

impl Ground {
    pub fn sqlite() -> Self {
        Self {
            store: ordo_testkit::sqlite().unwrap(),
        }
    }

    pub async fn postgres() -> Self {
        let [_, store] = ordo_testkit::stores().await.unwrap();
        Self { store }
    }

    pub fn is_postgres(&self) -> bool {
        self.store.name == "postgres"
    }

    /// Defaults, but one partition.
    pub fn config(&self) -> EventLogConfig {
        EventLogConfig::new("shop", self.store.store_url()).partitions(1)
    }

    pub async fn open(&self) -> EventLog {
        EventLog::open(self.config()).await.unwrap()
    }

    pub async fn open_with(&self, change: impl FnOnce(&mut EventLogConfig)) -> EventLog {
        let mut config = self.config();
        change(&mut config);
        EventLog::open(config).await.unwrap()
    }

    /// The log's database, to look behind its back.
    pub async fn database(&self) -> Db {
        self.store
            .store_url()
            .open("shop.log", OpenOptions::durable())
            .await
            .unwrap()
    }

    /// Changes the log's tables behind its back. Returns the number of rows.
    pub async fn tamper(&self, sql: &str) -> u64 {
        self.database().await.execute(sql, &[]).await.unwrap()
    }
}

pub fn tenant() -> TenantId {
    TenantId::new("acme").unwrap()
}

pub fn command() -> Command {
    Command::new(tenant(), 0)
}

pub type Outcome = Result<Receipt<i64>, ExecuteError<Short>>;

/// Puts into one till. Answers the balance.
pub async fn put(log: &EventLog, command: Command, till: &str, amount: i64) -> Outcome {
    let till = till.to_owned();
    log.execute(command, move |unit| {
        Ok(unit
            .decide::<Till>(&till, TillCommand::Put(amount))?
            .balance)
    })
    .await
}

/// Takes from one till. Answers the balance.
pub async fn take(log: &EventLog, command: Command, till: &str, amount: i64) -> Outcome {
    let till = till.to_owned();
    log.execute(command, move |unit| {
        Ok(unit
            .decide::<Till>(&till, TillCommand::Take(amount))?
            .balance)
    })
    .await
}

/// Puts into one till what is then taken from another. Answers the other's balance.
pub async fn transfer(
    log: &EventLog,
    command: Command,
    from: &str,
    to: &str,
    amount: i64,
) -> Outcome {
    let (from, to) = (from.to_owned(), to.to_owned());
    log.execute(command, move |unit| {
        unit.decide::<Till>(&to, TillCommand::Put(amount))?;
        Ok(unit
            .decide::<Till>(&from, TillCommand::Take(amount))?
            .balance)
    })
    .await
}

/// Answers a till's balance and changes nothing.
pub fn balance(till: &str) -> impl Fn(&mut Unit<'_>) -> Result<i64, Halt<Short>> + Send + 'static {
    let till = till.to_owned();
    move |unit| Ok(unit.state::<Till>(&till)?.balance)
}

pub async fn till(log: &EventLog, till: &str) -> TillState {
    log.state::<Till>(0, &tenant(), till).await.unwrap().0
}

/// Fails the test with all differences.
pub async fn assert_whole(log: &EventLog) {
    for partition in 0..log.partitions() {
        let found = log.verify(partition).await.unwrap();
        assert!(found.ok(), "{found:#?}");
    }
}
