//! Two versions of the code on one log, as while a new one is rolled out: `ReturnReceived` of version 1 beside version 2.

use ordo_aftersales::case::{
    Case, CaseCommand, CaseError, CaseEvent, CaseState, OpenCase, Purse, Receipt,
};
use ordo_decider::Decider;
use ordo_event_log::{
    Aggregate, CodecError, Command, EncodedEvent, EventLog, EventLogConfig, ExecuteError, Halt,
    StreamId, TenantId,
};
use ordo_proto::aftersales::{
    CaseKind, CaseLine, LineValue, ReceiptLine, ReceivedLine, ReturnReceived,
};
use ordo_testkit::stores;
use prost::Message as _;

use crate::facts::gbp;

/// `Case` as a program of version 1 has it: it neither writes nor sees the field that version 2 added.
struct OldCase;

impl Decider for OldCase {
    type State = CaseState;
    type Command = CaseCommand;
    type Event = CaseEvent;
    type Error = CaseError;

    fn decide(state: &CaseState, command: CaseCommand) -> Result<Vec<CaseEvent>, CaseError> {
        Case::decide(state, command)
    }

    fn evolve(state: CaseState, event: &CaseEvent) -> CaseState {
        Case::evolve(state, event)
    }
}

fn of_version_1(event: CaseEvent) -> CaseEvent {
    let CaseEvent::ReturnReceived(mut received) = event else {
        return event;
    };
    for line in &mut received.lines {
        line.beyond_repair = 0;
    }
    received.into()
}

impl Aggregate for OldCase {
    const NAME: &'static str = Case::NAME;

    fn encode(event: &CaseEvent) -> EncodedEvent {
        of_version_1(event.clone()).encode_event()
    }

    fn decode(type_name: &str, payload: &[u8]) -> Result<CaseEvent, CodecError> {
        CaseEvent::decode_event(type_name, payload).map(of_version_1)
    }
}

/// A type that only a version to come knows.
const TELEPORTED: &str = "ordo.aftersales.v1.CaseTeleported";

/// `Case` as a program of some version to come has it: everything that it records is of a type that nobody knows today.
struct NewerCase;

impl Decider for NewerCase {
    type State = CaseState;
    type Command = CaseCommand;
    type Event = CaseEvent;
    type Error = CaseError;

    fn decide(state: &CaseState, command: CaseCommand) -> Result<Vec<CaseEvent>, CaseError> {
        Case::decide(state, command)
    }

    fn evolve(state: CaseState, event: &CaseEvent) -> CaseState {
        Case::evolve(state, event)
    }
}

impl Aggregate for NewerCase {
    const NAME: &'static str = Case::NAME;

    fn encode(event: &CaseEvent) -> EncodedEvent {
        EncodedEvent {
            type_name: TELEPORTED,
            ..event.encode_event()
        }
    }

    fn decode(type_name: &str, payload: &[u8]) -> Result<CaseEvent, CodecError> {
        let type_name = match type_name {
            TELEPORTED => "ordo.aftersales.v1.ReturnReceived",
            known => known,
        };
        CaseEvent::decode_event(type_name, payload)
    }
}

/// A replica of the service: its own connections and its own memory over the same tables.
struct Replica {
    log: EventLog,
    tenant: TenantId,
    case_id: String,
}

impl Replica {
    async fn of(store: &ordo_testkit::TestStore) -> Self {
        let config = EventLogConfig::new("aftersales", store.store_url()).partitions(1);
        Self {
            log: EventLog::open(config).await.unwrap(),
            tenant: TenantId::new("shop").unwrap(),
            case_id: "01jd0000000000000000000000-C1".to_owned(),
        }
    }

    async fn tell<A>(&self, wish: CaseCommand) -> Result<(), ExecuteError<CaseError>>
    where
        A: Aggregate<Command = CaseCommand, Error = CaseError, State = CaseState>,
    {
        let id = self.case_id.clone();
        let done = self
            .log
            .execute(Command::new(self.tenant.clone(), 0), move |unit| {
                unit.decide::<A>(&id, wish.clone())?;
                Ok::<(), Halt<CaseError>>(())
            });
        done.await.map(drop)
    }

    async fn state<A: Aggregate>(&self) -> (A::State, u64) {
        self.log
            .state::<A>(0, &self.tenant, &self.case_id)
            .await
            .unwrap()
    }

    async fn received(&self) -> Vec<ReceivedLine> {
        let stream = StreamId::new(Case::NAME, &self.case_id);
        let events = self
            .log
            .read_stream(0, &self.tenant, &stream, 0, 100)
            .await
            .unwrap();
        events
            .iter()
            .filter(|event| event.short_type() == "ReturnReceived")
            .flat_map(|event| ReturnReceived::decode(&*event.payload).unwrap().lines)
            .collect()
    }
}

fn purse() -> Purse {
    Purse::default()
}

/// Three mugs are to come back.
async fn begin<A>(replica: &Replica)
where
    A: Aggregate<Command = CaseCommand, Error = CaseError, State = CaseState>,
{
    let value = LineValue {
        line_id: "1".to_owned(),
        quantity: 3,
        value: Some(gbp(3_000)),
    };
    let opening = OpenCase {
        case_id: replica.case_id.clone(),
        order_id: "01jd0000000000000000000000".to_owned(),
        kind: CaseKind::Return,
        lines: vec![CaseLine {
            line_id: "1".to_owned(),
            sku: "MUG".to_owned(),
            quantity: 3,
            reason: "DEFECTIVE".to_owned(),
            ..CaseLine::default()
        }],
        values: vec![value.clone()],
        site_id: "north".to_owned(),
        ..OpenCase::default()
    };
    replica.tell::<A>(CaseCommand::Open(opening)).await.unwrap();
    let approve = CaseCommand::Approve {
        values: vec![value],
    };
    replica.tell::<A>(approve).await.unwrap();
}

fn broken_mug() -> CaseCommand {
    CaseCommand::Receive(Receipt {
        lines: vec![ReceiptLine {
            line_id: "1".to_owned(),
            not_resellable: 1,
            beyond_repair: 1,
            ..ReceiptLine::default()
        }],
        purse: purse(),
        ..Receipt::default()
    })
}

#[tokio::test]
async fn old_and_new_replicas_carry_on_with_each_other_s_events() {
    for store in stores().await.unwrap() {
        // SQLite has one process at a time: there the versions take turns.
        let (old, new) = (Replica::of(&store).await, Replica::of(&store).await);
        begin::<OldCase>(&old).await;
        old.tell::<OldCase>(broken_mug()).await.unwrap();
        new.tell::<Case>(broken_mug()).await.unwrap();
        old.tell::<OldCase>(broken_mug()).await.unwrap();
        let fourth = new.tell::<Case>(broken_mug()).await;
        assert!(
            matches!(fourth, Err(ExecuteError::Refused(_))),
            "{}: {fourth:?}",
            store.name
        );

        let told: Vec<_> = new
            .received()
            .await
            .iter()
            .map(|line| (line.not_resellable, line.beyond_repair))
            .collect();
        assert_eq!(told, [(1, 0), (1, 1), (1, 0)], "{}", store.name);
        let (as_old, old_version) = old.state::<OldCase>().await;
        let (as_new, new_version) = new.state::<Case>().await;
        assert_eq!((as_old, old_version), (as_new, new_version));
        assert!(new.log.verify(0).await.unwrap().ok());
        old.log.close().await;
        new.log.close().await;
    }
}

#[tokio::test]
async fn a_decision_over_an_event_of_a_newer_version_is_an_error_and_records_nothing() {
    for store in stores().await.unwrap() {
        let replica = Replica::of(&store).await;
        begin::<Case>(&replica).await;
        let newer = Replica::of(&store).await;
        newer.tell::<NewerCase>(broken_mug()).await.unwrap();
        let head = newer.log.read_head(0).await.unwrap();
        // Its memory of the case is from before; the tail is read when its commit is refused.
        let answer = replica.tell::<Case>(broken_mug()).await;
        match answer {
            Err(ExecuteError::Codec(CodecError::UnknownType(name))) => {
                assert_eq!(name, TELEPORTED);
            }
            other => panic!("{}: {other:?}", store.name),
        }
        assert_eq!(replica.log.read_head(0).await.unwrap(), head);
        replica.log.close().await;
        newer.log.close().await;
    }
}
