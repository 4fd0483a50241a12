//! The read model `case_list`: events in, then a query.

use ordo_aftersales::{
    case::{Case, CaseEvent},
    projections::case_list::{CaseFilter, CaseKey, CaseList, find, list},
};
use ordo_event_log::{Aggregate as _, EventHash, RecordedEvent, StreamId, TenantId, Timestamp};
use ordo_projection::Projection as _;
use ordo_proto::{
    aftersales::{
        CaseApproved, CaseClosed, CaseKind, CaseLine, CaseOpened, CaseRejected, CaseStatus,
        ReceivedLine, RefundFailed, RefundGranted, RefundSettled, RefundStatus, ReplacementOrdered,
        ReplacementWithdrawn, ReturnParcelRecorded, ReturnReceived,
    },
    log::EventMetadata,
};
use ordo_sql::{Db, OpenOptions};
use ordo_testkit::stores;
use uuid::Uuid;

use crate::facts::{gbp, units};

fn tenant() -> TenantId {
    TenantId::new("shop-1").unwrap()
}

fn recorded(case_id: &str, position: u64, event: impl Into<CaseEvent>) -> RecordedEvent {
    let encoded = Case::encode(&event.into());
    RecordedEvent {
        partition: 0,
        position,
        epoch: 1,
        tenant: tenant(),
        stream: StreamId::new(Case::NAME, case_id),
        stream_version: position,
        event_id: Uuid::now_v7(),
        type_name: encoded.type_name.into(),
        time: Timestamp(position as i64 * 1_000_000),
        payload: encoded.payload,
        metadata: EventMetadata::default(),
        hash: EventHash::default(),
    }
}

fn opened(case_id: &str, customer_id: &str) -> CaseOpened {
    let line = |line_id: &str, quantity| CaseLine {
        line_id: line_id.to_owned(),
        quantity,
        ..CaseLine::default()
    };
    CaseOpened {
        case_id: case_id.to_owned(),
        order_id: "o1".to_owned(),
        kind: CaseKind::Return.into(),
        lines: vec![line("1", 2), line("2", 1)],
        customer_id: customer_id.to_owned(),
        ..CaseOpened::default()
    }
}

async fn apply(db: &Db, events: &[RecordedEvent]) {
    let mut tx = db.begin().await.unwrap();
    CaseList.apply(&mut tx, events).await.unwrap();
    tx.commit().await.unwrap();
}

/// Empty tables on each store.
async fn tables() -> Vec<(Db, ordo_testkit::TestStore)> {
    let mut tables = Vec::new();
    for store in stores().await.unwrap() {
        let db = store
            .store_url()
            .open("case_list", OpenOptions::disposable())
            .await
            .unwrap();
        for statement in CaseList.schema() {
            db.execute(statement, &[]).await.unwrap();
        }
        tables.push((db, store));
    }
    tables
}

#[tokio::test]
async fn a_return_is_shown_with_what_came_back_and_what_was_refunded() {
    for (db, _store) in tables().await {
        let case_id = "o1-C1";
        let id = case_id.to_owned();
        let events = [
            recorded(case_id, 1, opened(case_id, "c1")),
            recorded(
                case_id,
                2,
                CaseApproved {
                    case_id: id.clone(),
                    lines: vec![units("1", 2)],
                    ..CaseApproved::default()
                },
            ),
            recorded(
                case_id,
                3,
                ReturnParcelRecorded {
                    case_id: id.clone(),
                    carrier: "sf".to_owned(),
                    tracking_number: "SF1".to_owned(),
                },
            ),
            recorded(
                case_id,
                4,
                ReturnReceived {
                    case_id: id.clone(),
                    lines: vec![ReceivedLine {
                        line_id: "1".to_owned(),
                        resellable: 1,
                        not_resellable: 1,
                        ..ReceivedLine::default()
                    }],
                    ..ReturnReceived::default()
                },
            ),
            recorded(
                case_id,
                5,
                RefundGranted {
                    refund_id: "o1-C1-R1".to_owned(),
                    amount: Some(gbp(500)),
                    ..RefundGranted::default()
                },
            ),
        ];
        apply(&db, &events).await;
        let case = find(&db, &tenant(), case_id).await.unwrap().unwrap();
        assert_eq!(case.status(), CaseStatus::Received);
        assert_eq!((case.lines[0].approved, case.lines[1].approved), (2, 0));
        assert_eq!(
            (case.lines[0].resellable, case.lines[0].not_resellable),
            (1, 1)
        );
        assert_eq!(case.return_carrier, "sf");
        assert_eq!(case.refunds[0].status(), RefundStatus::Pending);
        assert_eq!(case.updated_at.unwrap().seconds, 5);

        let later = [
            recorded(
                case_id,
                6,
                RefundFailed {
                    refund_id: "o1-C1-R1".to_owned(),
                    failure: "REFUSED".to_owned(),
                },
            ),
            recorded(
                case_id,
                7,
                RefundGranted {
                    refund_id: "o1-C1-R2".to_owned(),
                    amount: Some(gbp(500)),
                    ..RefundGranted::default()
                },
            ),
            recorded(
                case_id,
                8,
                RefundSettled {
                    refund_id: "o1-C1-R2".to_owned(),
                    amount: Some(gbp(500)),
                },
            ),
            recorded(
                case_id,
                9,
                CaseClosed {
                    case_id: id,
                    outcome: "REFUNDED".to_owned(),
                    ..CaseClosed::default()
                },
            ),
        ];
        apply(&db, &later).await;
        let case = find(&db, &tenant(), case_id).await.unwrap().unwrap();
        assert_eq!(
            (case.status(), case.outcome.as_str()),
            (CaseStatus::Closed, "REFUNDED")
        );
        assert_eq!(case.refunds[0].failure, "REFUSED");
        assert_eq!(case.refunds[1].status(), RefundStatus::Settled);
        db.close().await;
    }
}

#[tokio::test]
async fn a_rejected_case_is_shown_as_rejected_with_its_reason() {
    for (db, _store) in tables().await {
        let events = [
            recorded("o1-C1", 1, opened("o1-C1", "c1")),
            recorded(
                "o1-C1",
                2,
                CaseRejected {
                    reason: "worn".to_owned(),
                    ..CaseRejected::default()
                },
            ),
            recorded(
                "o1-C1",
                3,
                CaseClosed {
                    outcome: "REJECTED".to_owned(),
                    ..CaseClosed::default()
                },
            ),
        ];
        apply(&db, &events).await;
        let case = find(&db, &tenant(), "o1-C1").await.unwrap().unwrap();
        assert_eq!(case.status(), CaseStatus::Rejected);
        assert_eq!(
            (case.rejection.as_str(), case.outcome.as_str()),
            ("worn", "REJECTED")
        );
        db.close().await;
    }
}

#[tokio::test]
async fn a_replacement_is_shown_until_it_is_withdrawn() {
    for (db, _store) in tables().await {
        let ordered = ReplacementOrdered {
            case_id: "o1-C1".to_owned(),
            replacement_order_id: "o2".to_owned(),
        };
        apply(
            &db,
            &[
                recorded("o1-C1", 1, opened("o1-C1", "c1")),
                recorded("o1-C1", 2, ordered),
            ],
        )
        .await;
        let case = find(&db, &tenant(), "o1-C1").await.unwrap().unwrap();
        assert_eq!(case.replacement_order_id, "o2");
        apply(
            &db,
            &[recorded("o1-C1", 3, ReplacementWithdrawn::default())],
        )
        .await;
        let case = find(&db, &tenant(), "o1-C1").await.unwrap().unwrap();
        assert_eq!(case.replacement_order_id, "");
        db.close().await;
    }
}

#[tokio::test]
async fn a_list_goes_on_after_the_last_case_of_a_page() {
    for (db, _store) in tables().await {
        let events: Vec<_> = (1..=5)
            .map(|n| {
                let case_id = format!("o1-C{n}");
                let customer = if n % 2 == 0 { "even" } else { "odd" };
                recorded(&case_id, n, opened(&case_id, customer))
            })
            .collect();
        apply(&db, &events).await;
        let ids = |cases: &[ordo_proto::aftersales::Case]| {
            cases
                .iter()
                .map(|case| case.case_id.clone())
                .collect::<Vec<_>>()
        };
        let all = CaseFilter::default();
        let (first, last) = list(&db, &tenant(), &all, None, 3).await.unwrap();
        assert_eq!(ids(&first), ["o1-C5", "o1-C4", "o1-C3"]);
        assert_eq!(last, Some(CaseKey(3_000_000, "o1-C3".to_owned())));
        let (second, last) = list(&db, &tenant(), &all, last.as_ref(), 3).await.unwrap();
        assert_eq!(ids(&second), ["o1-C2", "o1-C1"]);
        assert_eq!(last, None);

        let some = CaseFilter {
            customer_id: "even".to_owned(),
            opened_from: Some(2_000_000),
            opened_until: Some(4_000_000),
            ..CaseFilter::default()
        };
        let (found, _) = list(&db, &tenant(), &some, None, 3).await.unwrap();
        assert_eq!(ids(&found), ["o1-C2"], "from is inclusive, until exclusive");
        let stranger = TenantId::new("shop-2").unwrap();
        assert!(
            list(&db, &stranger, &all, None, 3)
                .await
                .unwrap()
                .0
                .is_empty()
        );
        assert!(find(&db, &stranger, "o1-C1").await.unwrap().is_none());
        db.close().await;
    }
}
