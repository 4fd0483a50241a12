//! How requests are checked, answered again, and kept apart by role and tenant.

use ordo_event_log::TenantId;
use ordo_proto::{
    aftersales::{
        CaseKind, CaseStatus, DecideRequest, Decision, GetCaseRequest, GetPurchaseRequest,
        ListCasesRequest, OpenCaseRequest, RecordReceiptRequest, RefundRequest,
    },
    types::{CommandHeader, Page},
};
use ordo_rpc::{reason_of, role};
use ordo_testkit::stores;
use tonic::Code;
use tonic_types::StatusExt as _;

use crate::{
    facts::gbp,
    shop::{Shop, back, request},
};

#[tokio::test(flavor = "multi_thread")]
async fn everything_wrong_with_a_request_is_told_at_once() {
    let shop = Shop::open(ordo_testkit::sqlite().unwrap()).await;
    let mut desk = shop.desk(&[role::AGENT]);
    let mut wrong = request("No-Order", CaseKind::Return, &[("1", 0), ("1", 2)]);
    wrong.lines[1].reason = "changed mind".to_owned();
    wrong.amount = Some(gbp(0));
    wrong.ship_in_advance = true;
    wrong.site_id = "a site".to_owned();
    let status = desk.open_case(wrong).await.unwrap_err();
    assert_eq!(status.code(), Code::InvalidArgument);
    let details = status.get_details_bad_request().unwrap();
    let fields: Vec<_> = details
        .field_violations
        .iter()
        .map(|v| v.field.as_str())
        .collect();
    assert_eq!(
        fields,
        [
            "order_id",
            "amount",
            "ship_in_advance",
            "amount.minor_units",
            "site_id",
            "lines[1].line_id",
            "lines[0].quantity",
            "lines[1].reason",
        ]
    );
    let no_reason = DecideRequest {
        case_id: "x-C1".to_owned(),
        decision: Decision::Reject.into(),
        ..DecideRequest::default()
    };
    let status = desk.decide(no_reason).await.unwrap_err();
    assert_eq!(
        status.get_details_bad_request().unwrap().field_violations[0].field,
        "reason"
    );
    let status = desk
        .record_receipt(RecordReceiptRequest {
            case_id: "x".to_owned(),
            lines: vec![back("", 0, 0)],
            ..RecordReceiptRequest::default()
        })
        .await
        .unwrap_err();
    assert_eq!(
        status
            .get_details_bad_request()
            .unwrap()
            .field_violations
            .len(),
        3
    );
    let status = desk.refund(RefundRequest::default()).await.unwrap_err();
    assert_eq!(
        status.get_details_bad_request().unwrap().field_violations[0].field,
        "case_id"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_names_its_reason() {
    let shop = Shop::open(ordo_testkit::sqlite().unwrap()).await;
    let mut desk = shop.desk(&[role::AGENT]);
    let status = desk
        .open_case(request("0unknown", CaseKind::Return, &[("1", 1)]))
        .await
        .unwrap_err();
    assert_eq!(
        (status.code(), reason_of(&status).as_deref()),
        (Code::NotFound, Some("ORDER_UNKNOWN"))
    );
    let status = desk
        .get_purchase(GetPurchaseRequest {
            order_id: "0unknown".to_owned(),
            at_least: None,
        })
        .await
        .unwrap_err();
    assert_eq!(reason_of(&status).as_deref(), Some("ORDER_UNKNOWN"));
    let order_id = shop.delivered_order().await;
    let status = desk
        .open_case(request(&order_id, CaseKind::Return, &[("1", 3)]))
        .await
        .unwrap_err();
    assert_eq!(
        (status.code(), reason_of(&status).as_deref()),
        (Code::FailedPrecondition, Some("UNITS_NOT_CLAIMABLE"))
    );
    assert!(status.get_details_precondition_failure().is_some());
    let status = desk
        .refund(RefundRequest {
            case_id: format!("{order_id}-C9"),
            ..RefundRequest::default()
        })
        .await
        .unwrap_err();
    assert_eq!(reason_of(&status).as_deref(), Some("CASE_UNKNOWN"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_repeated_request_gets_its_first_answer_and_a_changed_one_is_refused() {
    for store in stores().await.unwrap() {
        let shop = Shop::open(store).await;
        let order_id = shop.delivered_order().await;
        let mut desk = shop.desk(&[role::CHANNEL]);
        let wanted = OpenCaseRequest {
            header: Some(CommandHeader {
                command_id: "rma-17".to_owned(),
                reason: String::new(),
            }),
            ..request(&order_id, CaseKind::Return, &[("1", 1)])
        };
        let first = desk.open_case(wanted.clone()).await.unwrap().into_inner();
        let second = desk.open_case(wanted.clone()).await.unwrap().into_inner();
        assert_eq!(second.case_id, first.case_id);
        assert!(second.receipt.unwrap().duplicate);
        let mut changed = wanted;
        changed.lines[0].quantity = 2;
        let status = desk.open_case(changed).await.unwrap_err();
        assert_eq!(status.code(), Code::AlreadyExists);
        let purchase = shop.purchase_when(&order_id, |_| true).await;
        assert_eq!(purchase.lines[0].claimed, 1, "{}", shop.store.name);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn two_agents_cannot_claim_the_same_unit() {
    for store in stores().await.unwrap() {
        let shop = Shop::open(store).await;
        let order_id = shop.delivered_order().await;
        let desk = shop.desk(&[role::AGENT]);
        let race = (0..10).map(|_| {
            let (mut desk, wanted) = (
                desk.clone(),
                request(&order_id, CaseKind::Return, &[("2", 1)]),
            );
            tokio::spawn(async move { desk.open_case(wanted).await })
        });
        let mut won = 0;
        for outcome in race.collect::<Vec<_>>() {
            match outcome.await.unwrap() {
                Ok(_) => won += 1,
                Err(status) => {
                    assert_eq!(reason_of(&status).as_deref(), Some("UNITS_NOT_CLAIMABLE"))
                }
            }
        }
        assert_eq!(won, 1, "{}", shop.store.name);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_channel_asks_but_does_not_approve() {
    let shop = Shop::open(ordo_testkit::sqlite().unwrap()).await;
    let order_id = shop.delivered_order().await;
    let mut channel = shop.desk(&[role::CHANNEL]);
    let mut wanted = request(&order_id, CaseKind::Return, &[("1", 1)]);
    wanted.approve = true;
    let status = channel.open_case(wanted.clone()).await.unwrap_err();
    assert_eq!(status.code(), Code::PermissionDenied);
    wanted.approve = false;
    let case_id = channel
        .open_case(wanted)
        .await
        .unwrap()
        .into_inner()
        .case_id;
    let decide = DecideRequest {
        case_id,
        decision: Decision::Approve.into(),
        ..DecideRequest::default()
    };
    let status = channel.decide(decide.clone()).await.unwrap_err();
    assert_eq!(status.code(), Code::PermissionDenied);
    shop.desk(&[role::AGENT]).decide(decide).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn another_tenant_sees_nothing() {
    let shop = Shop::open(ordo_testkit::sqlite().unwrap()).await;
    let order_id = shop.delivered_order().await;
    let wanted = request(&order_id, CaseKind::Return, &[("1", 1)]);
    let opened = shop
        .desk(&[role::AGENT])
        .open_case(wanted.clone())
        .await
        .unwrap()
        .into_inner();
    let at_least = opened.receipt.unwrap().token;
    let other = TenantId::new("shop-2").unwrap();
    let mut stranger = shop.desk_of(&other, &[role::ADMIN]);
    let get = GetCaseRequest {
        case_id: opened.case_id,
        at_least: at_least.clone(),
    };
    assert_eq!(
        stranger.get_case(get.clone()).await.unwrap_err().code(),
        Code::NotFound
    );
    assert_eq!(
        stranger.open_case(wanted).await.unwrap_err().code(),
        Code::NotFound
    );
    let list = ListCasesRequest {
        at_least,
        ..ListCasesRequest::default()
    };
    assert!(
        stranger
            .list_cases(list)
            .await
            .unwrap()
            .into_inner()
            .cases
            .is_empty()
    );
    assert!(
        shop.desk(&[role::VIEWER]).get_case(get).await.is_ok(),
        "read your own write"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn cases_are_listed_newest_first_page_by_page() {
    for store in stores().await.unwrap() {
        let shop = Shop::open(store).await;
        let mut desk = shop.desk(&[role::AGENT]);
        let mut opened = Vec::new();
        let mut at_least = None;
        for customer in ["c1", "c2", "c1"] {
            let order_id = shop.delivered_order_of(customer).await;
            for (kind, line) in [(CaseKind::Return, "1"), (CaseKind::RefundOnly, "2")] {
                let answer = desk.open_case(request(&order_id, kind, &[(line, 1)])).await;
                let answer = answer.unwrap().into_inner();
                at_least = answer.receipt.unwrap().token;
                opened.insert(0, answer.case_id);
            }
        }
        let all = ListCasesRequest {
            page: Some(Page {
                size: 4,
                token: String::new(),
            }),
            at_least,
            ..ListCasesRequest::default()
        };
        let first = desk.list_cases(all.clone()).await.unwrap().into_inner();
        assert_eq!(first.cases.len(), 4);
        let mut next = all.clone();
        next.page.as_mut().unwrap().token = first.next_page_token;
        let second = desk.list_cases(next.clone()).await.unwrap().into_inner();
        let listed: Vec<_> = first
            .cases
            .iter()
            .chain(&second.cases)
            .map(|case| &case.case_id)
            .collect();
        assert_eq!(
            listed,
            opened.iter().collect::<Vec<_>>(),
            "{}",
            shop.store.name
        );
        assert!(second.next_page_token.is_empty());

        let of_c1 = ListCasesRequest {
            customer_id: "c1".to_owned(),
            kinds: vec![CaseKind::RefundOnly.into()],
            statuses: vec![CaseStatus::Requested.into()],
            ..ListCasesRequest::default()
        };
        let found = desk.list_cases(of_c1).await.unwrap().into_inner().cases;
        assert_eq!(found.len(), 2);
        assert!(found.iter().all(|case| case.customer_id == "c1"));

        next.customer_id = "c1".to_owned();
        let status = desk.list_cases(next).await.unwrap_err();
        assert_eq!(reason_of(&status).as_deref(), Some("PAGE_TOKEN_INVALID"));
    }
}
