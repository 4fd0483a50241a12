//! Each reaction run twice and failed at every step: events in, then the commands sent and recorded.

use std::net::SocketAddr;

use ordo_aftersales::{
    case::{Case, CaseState, Receipt, RefundPhase, Replacement, Status},
    commands,
    desk::{DeskCommand, DeskError, Opening},
    ids::CaseId,
    purchase::{OrderedLine, OrderedPurchase, Purchase, PurchaseCommand, PurchaseError},
    reactions::{
        follow_intake::FollowIntake, replacements::Replacements, restock::Restock,
        settle_refund::SettleRefund,
    },
};
use ordo_event_log::{Command, EventLog, EventLogConfig, Halt, RecordedEvent, TenantId};
use ordo_projection::{Reaction, ReactionContext, ReactionError};
use ordo_proto::{
    aftersales::{CaseKind, CaseLine},
    intake::intake_server::IntakeServer,
    inventory::inventory_server::InventoryServer,
};
use ordo_rpc::{Remote, RemoteSettings, TokenSource};
use ordo_testkit::TestStore;
use tokio::net::TcpListener;
use tokio_stream::wrappers::TcpListenerStream;
use tonic::{Code, transport::Server};

use crate::{
    facts::{self, gbp, units},
    neighbours::{Neighbour, Trouble, replacement_of},
};

/// A log of aftersales with one delivered and paid order, and neighbours.
struct Bench {
    log: EventLog,
    tenant: TenantId,
    order_id: String,
    remote: Remote,
    neighbour: Neighbour,
    _store: TestStore,
}

impl Bench {
    async fn new() -> Self {
        let store = ordo_testkit::sqlite().unwrap();
        let log = EventLog::open(EventLogConfig::new("aftersales", store.store_url()))
            .await
            .unwrap();
        let neighbour = Neighbour::default();
        let address = serve(neighbour.clone()).await;
        let peers =
            ["intake", "inventory"].map(|name| (name.to_owned(), format!("http://{address}")));
        let settings = RemoteSettings {
            peers: peers.into(),
            ..RemoteSettings::default()
        };
        let tenant = TenantId::new("shop-1").unwrap();
        let bench = Self {
            order_id: log.new_id_in(&tenant, 0),
            remote: Remote::new(settings, TokenSource::fixed("token")).unwrap(),
            log,
            tenant,
            neighbour,
            _store: store,
        };
        bench.deliver().await;
        bench
    }

    /// Two mugs for 20.00, paid and delivered.
    async fn deliver(&self) {
        let line = OrderedLine {
            line_id: "1".to_owned(),
            sku: "MUG".to_owned(),
            title: "Mug".to_owned(),
            quantity: 2,
            total: 2_000,
        };
        for fact in [
            PurchaseCommand::Record(OrderedPurchase {
                order_id: self.order_id.clone(),
                customer_id: "c1".to_owned(),
                lines: vec![line],
                due: gbp(2_000),
                site_id: "north".to_owned(),
                ..OrderedPurchase::default()
            }),
            PurchaseCommand::Pay {
                payment_id: "p1".to_owned(),
                amount: gbp(2_000),
            },
            PurchaseCommand::Deliver {
                fact_id: "e1".to_owned(),
                lines: vec![units("1", 2)],
            },
        ] {
            let id = self.order_id.clone();
            self.log
                .execute(Command::new(self.tenant.clone(), 0), move |unit| {
                    commands::on_purchase(unit, &id, fact.clone())?;
                    Ok::<(), Halt<PurchaseError>>(())
                })
                .await
                .unwrap();
        }
    }

    async fn open(&self, kind: CaseKind) -> CaseId {
        let opening = Opening {
            order_id: self.order_id.clone(),
            kind,
            lines: vec![CaseLine {
                line_id: "1".to_owned(),
                quantity: 2,
                ..CaseLine::default()
            }],
            approve: true,
            ..Opening::default()
        };
        self.log
            .execute(Command::new(self.tenant.clone(), 0), move |unit| {
                commands::open(unit, &opening)?;
                Ok::<(), Halt<DeskError>>(())
            })
            .await
            .unwrap();
        CaseId::new(&self.order_id, 1)
    }

    async fn on_case(&self, case_id: &CaseId, wish: DeskCommand) {
        let case_id = case_id.clone();
        self.log
            .execute(Command::new(self.tenant.clone(), 0), move |unit| {
                commands::on_case(unit, &case_id, wish.clone())?;
                Ok::<(), Halt<DeskError>>(())
            })
            .await
            .unwrap();
    }

    async fn receive(&self, case_id: &CaseId) {
        let receipt = Receipt {
            refund: true,
            ..Receipt::default()
        };
        self.on_case(case_id, DeskCommand::Receive(receipt)).await;
    }

    async fn case(&self, case_id: &CaseId) -> CaseState {
        let id = case_id.to_string();
        self.log
            .state::<Case>(0, &self.tenant, &id)
            .await
            .unwrap()
            .0
    }

    /// The latest event of a type.
    async fn latest(&self, short_type: &str) -> RecordedEvent {
        let events = self.log.read(0, 0, 1_000).await.unwrap();
        events
            .into_iter()
            .rev()
            .find(|event| event.short_type() == short_type)
            .unwrap()
    }
}

async fn serve(neighbour: Neighbour) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let serving = Server::builder()
        .add_service(IntakeServer::new(neighbour.clone()))
        .add_service(InventoryServer::new(neighbour))
        .serve_with_incoming(TcpListenerStream::new(listener));
    tokio::spawn(serving);
    address
}

/// One try, as the reactor makes it.
async fn attempt(
    reaction: &dyn Reaction,
    event: &RecordedEvent,
    number: u32,
) -> Result<(), ReactionError> {
    assert!(
        reaction.entity(event).is_some(),
        "the event is for this reaction"
    );
    let mut context = ReactionContext::for_event("aftersales", reaction.name(), event, number);
    reaction.react(event, &mut context).await
}

fn is_retry(outcome: &Result<(), ReactionError>) -> bool {
    matches!(outcome, Err(ReactionError::Retry(_)))
}

#[tokio::test]
async fn a_refund_is_asked_for_once_however_often_the_tries_fail() {
    let bench = Bench::new().await;
    let case_id = bench.open(CaseKind::Return).await;
    bench.receive(&case_id).await;
    let granted = bench.latest("RefundGranted").await;
    let reaction = SettleRefund::new(bench.log.clone(), bench.remote.clone());
    bench.neighbour.trouble([
        Trouble::Before(Code::Unavailable),
        Trouble::After(Code::DeadlineExceeded),
    ]);
    assert!(
        is_retry(&attempt(&reaction, &granted, 1).await),
        "intake is away"
    );
    assert!(
        is_retry(&attempt(&reaction, &granted, 2).await),
        "its answer is lost"
    );
    attempt(&reaction, &granted, 3).await.unwrap();
    let after = bench.log.read_head(0).await.unwrap();
    attempt(&reaction, &granted, 4).await.unwrap();
    assert_eq!(
        bench.log.read_head(0).await.unwrap(),
        after,
        "a second run records nothing"
    );
    assert_eq!(bench.neighbour.tries(), [4], "always the same command");
    assert_eq!(bench.neighbour.refunds().len(), 1);
    assert_eq!(bench.case(&case_id).await.status(), Some(Status::Closed));
}

#[tokio::test]
async fn a_refund_that_moved_is_recorded_when_the_own_log_is_back() {
    let bench = Bench::new().await;
    let case_id = bench.open(CaseKind::Return).await;
    bench.receive(&case_id).await;
    let granted = bench.latest("RefundGranted").await;
    let config = EventLogConfig::new("aftersales", bench._store.store_url());
    let other = EventLog::open(config).await.unwrap();
    other.close().await;
    let closing = SettleRefund::new(other, bench.remote.clone());
    assert!(
        is_retry(&attempt(&closing, &granted, 1).await),
        "the log takes no more commands"
    );
    let reaction = SettleRefund::new(bench.log.clone(), bench.remote.clone());
    attempt(&reaction, &granted, 2).await.unwrap();
    assert_eq!(bench.neighbour.refunds().len(), 1);
    assert_eq!(bench.case(&case_id).await.status(), Some(Status::Closed));
}

#[tokio::test]
async fn a_refused_refund_is_recorded_as_failed() {
    let bench = Bench::new().await;
    let case_id = bench.open(CaseKind::Return).await;
    bench.receive(&case_id).await;
    let granted = bench.latest("RefundGranted").await;
    bench
        .neighbour
        .trouble([Trouble::Refused("REFUND_ABOVE_CAPTURED")]);
    let reaction = SettleRefund::new(bench.log.clone(), bench.remote.clone());
    attempt(&reaction, &granted, 1).await.unwrap();
    let case = bench.case(&case_id).await;
    assert_eq!(
        case.approved().unwrap().refunds[0].phase,
        RefundPhase::Failed
    );
    let (purchase, _) = bench
        .log
        .state::<Purchase>(0, &bench.tenant, &bench.order_id)
        .await
        .unwrap();
    assert_eq!(
        purchase.money_left(),
        2_000,
        "the money can be promised again"
    );
}

#[tokio::test]
async fn a_fault_of_intake_is_no_verdict() {
    let bench = Bench::new().await;
    let case_id = bench.open(CaseKind::Return).await;
    bench.receive(&case_id).await;
    let granted = bench.latest("RefundGranted").await;
    bench
        .neighbour
        .trouble([Trouble::Before(Code::PermissionDenied)]);
    let reaction = SettleRefund::new(bench.log.clone(), bench.remote.clone());
    let outcome = attempt(&reaction, &granted, 1).await;
    assert!(matches!(outcome, Err(ReactionError::Failed(_))));
    let case = bench.case(&case_id).await;
    assert_eq!(
        case.approved().unwrap().refunds[0].phase,
        RefundPhase::Pending
    );
}

#[tokio::test]
async fn goods_are_put_on_stock_once() {
    let bench = Bench::new().await;
    let case_id = bench.open(CaseKind::Return).await;
    bench.receive(&case_id).await;
    let received = bench.latest("ReturnReceived").await;
    let reaction = Restock::new(bench.remote.clone());
    bench.neighbour.trouble([
        Trouble::Before(Code::Unavailable),
        Trouble::After(Code::Unavailable),
    ]);
    assert!(is_retry(&attempt(&reaction, &received, 1).await));
    assert!(is_retry(&attempt(&reaction, &received, 2).await));
    attempt(&reaction, &received, 3).await.unwrap();
    attempt(&reaction, &received, 4).await.unwrap();
    assert_eq!(bench.neighbour.tries(), [4]);
    let restocks = bench.neighbour.restocks();
    assert_eq!(restocks.len(), 1);
    assert_eq!(
        (restocks[0].site_id.as_str(), restocks[0].lines[0].quantity),
        ("north", 2)
    );
}

#[tokio::test]
async fn goods_that_inventory_refuses_wait_for_a_person() {
    let bench = Bench::new().await;
    let case_id = bench.open(CaseKind::Return).await;
    bench.receive(&case_id).await;
    let received = bench.latest("ReturnReceived").await;
    bench.neighbour.trouble([Trouble::Refused("SITE_UNKNOWN")]);
    let outcome = attempt(&Restock::new(bench.remote.clone()), &received, 1).await;
    assert!(matches!(outcome, Err(ReactionError::Park(why)) if why.contains("SITE_UNKNOWN")));
}

#[tokio::test]
async fn a_replacement_is_placed_once_and_freed_by_a_return_that_was_faster() {
    let bench = Bench::new().await;
    let case_id = bench.open(CaseKind::Exchange).await;
    bench.receive(&case_id).await;
    let requested = bench.latest("ReplacementRequested").await;
    let reaction = Replacements::new(bench.log.clone(), bench.remote.clone());
    bench.neighbour.trouble([
        Trouble::Before(Code::Unavailable),
        Trouble::After(Code::Unavailable),
    ]);
    assert!(is_retry(&attempt(&reaction, &requested, 1).await));
    assert!(is_retry(&attempt(&reaction, &requested, 2).await));
    attempt(&reaction, &requested, 3).await.unwrap();
    attempt(&reaction, &requested, 4).await.unwrap();
    let orders = bench.neighbour.orders();
    assert_eq!(orders.len(), 1);
    assert_eq!(
        (
            orders[0].lines[0].sku.as_str(),
            orders[0].lines[0].title.as_str()
        ),
        ("MUG", "Mug")
    );
    assert_eq!(
        bench.latest("ReplacementFreed").await.short_type(),
        "ReplacementFreed"
    );
    assert_eq!(bench.case(&case_id).await.status(), Some(Status::Closed));
}

#[tokio::test]
async fn a_replacement_placed_for_an_exchange_that_was_given_up_is_cancelled() {
    let bench = Bench::new().await;
    let case_id = bench.open(CaseKind::Exchange).await;
    bench.on_case(&case_id, DeskCommand::Withdraw).await;
    let reaction = Replacements::new(bench.log.clone(), bench.remote.clone());
    let requested = bench.latest("ReplacementRequested").await;
    attempt(&reaction, &requested, 1).await.unwrap();
    let first = bench.latest("ReplacementWithdrawn").await;
    attempt(&reaction, &first, 1).await.unwrap();
    attempt(&reaction, &first, 2).await.unwrap();
    let cancelled = bench.neighbour.cancellations();
    assert_eq!(cancelled.len(), 1);
    assert_eq!(cancelled[0].order_id, replacement_of(&case_id.to_string()));
    let case = bench.case(&case_id).await;
    assert_eq!(case.approved().unwrap().replacement, Replacement::Withdrawn);
}

#[tokio::test]
async fn a_fact_told_twice_is_recorded_once() {
    let bench = Bench::new().await;
    let store = ordo_testkit::sqlite().unwrap();
    let intake = EventLog::open(EventLogConfig::new("intake", store.store_url()))
        .await
        .unwrap();
    let order_id = intake.new_id_in(&bench.tenant, 0);
    let mut events = vec![facts::placed(&order_id, "c2"), facts::paid(3_000)];
    events.extend(facts::delivered(&order_id));
    facts::tell(&intake, &bench.tenant, &order_id, events).await;
    let reaction = FollowIntake::new(bench.log.clone());
    for number in 1..=2 {
        for event in intake.read(0, 0, 100).await.unwrap() {
            attempt(&reaction, &event, number).await.unwrap();
        }
    }
    let (purchase, version) = bench
        .log
        .state::<Purchase>(0, &bench.tenant, &order_id)
        .await
        .unwrap();
    assert_eq!(version, 5);
    assert_eq!(purchase.captured(), 3_000);
    assert_eq!(purchase.return_site(), "north");
    let mugs = purchase.line("1").unwrap();
    assert_eq!(
        (
            mugs.delivered,
            purchase.claimable(mugs),
            purchase.worth(mugs, 2)
        ),
        (2, 2, 2_069)
    );
}

#[tokio::test]
async fn other_events_are_passed_over() {
    let bench = Bench::new().await;
    bench.open(CaseKind::Return).await;
    let opened = bench.latest("CaseOpened").await;
    let claimed = bench.latest("PurchaseClaimed").await;
    let reactions: [&dyn Reaction; 4] = [
        &FollowIntake::new(bench.log.clone()),
        &Restock::new(bench.remote.clone()),
        &SettleRefund::new(bench.log.clone(), bench.remote.clone()),
        &Replacements::new(bench.log.clone(), bench.remote.clone()),
    ];
    for reaction in reactions {
        assert_eq!(reaction.entity(&opened), None, "{}", reaction.name());
        assert_eq!(reaction.entity(&claimed), None, "{}", reaction.name());
    }
}
