//! Whole cases, from the request to their end.

use ordo_aftersales::config::Rules;
use ordo_proto::{
    aftersales::{
        CaseKind, CaseStatus, DecideRequest, Decision, OpenCaseRequest, RecordReceiptRequest,
        RecordReturnParcelRequest, RefundRequest, RefundStatus,
    },
    inventory::StockCondition,
};
use ordo_rpc::role;
use ordo_testkit::{eventually, stores};

use crate::{
    facts::{self, gbp},
    neighbours::{Trouble, replacement_of},
    shop::{PATIENCE, Shop, back, request},
};

#[tokio::test(flavor = "multi_thread")]
async fn a_return_puts_goods_on_stock_and_money_back_and_ends() {
    for store in stores().await.unwrap() {
        let shop = Shop::open(store).await;
        let order_id = shop.delivered_order().await;
        let mut desk = shop.desk(&[role::AGENT]);

        let opened = desk
            .open_case(request(&order_id, CaseKind::Return, &[("1", 2)]))
            .await
            .unwrap()
            .into_inner();
        assert_eq!(opened.case_id, format!("{order_id}-C1"));
        assert_eq!(opened.status(), CaseStatus::Requested);
        let case_id = opened.case_id;

        let decided = desk
            .decide(DecideRequest {
                case_id: case_id.clone(),
                decision: Decision::Approve.into(),
                ..DecideRequest::default()
            })
            .await
            .unwrap()
            .into_inner();
        assert_eq!(decided.status(), CaseStatus::Approved);
        desk.record_return_parcel(RecordReturnParcelRequest {
            case_id: case_id.clone(),
            carrier: "sf".to_owned(),
            tracking_number: "SF123".to_owned(),
            ..RecordReturnParcelRequest::default()
        })
        .await
        .unwrap();

        let received = desk
            .record_receipt(RecordReceiptRequest {
                case_id: case_id.clone(),
                lines: vec![back("1", 1, 1)],
                ..RecordReceiptRequest::default()
            })
            .await
            .unwrap()
            .into_inner();
        assert_eq!(
            received.status(),
            CaseStatus::Received,
            "{}",
            shop.store.name
        );
        assert_eq!(
            received.refundable.unwrap().minor_units,
            0,
            "granted at once"
        );

        let closed = shop
            .case_when(&case_id, |case| case.status() == CaseStatus::Closed)
            .await;
        assert_eq!(closed.outcome, "REFUNDED");
        assert_eq!(
            closed.site_id, "north",
            "goods come back to where they left"
        );
        assert_eq!(closed.return_tracking_number, "SF123");
        // Line 1 carries 20/29 of the 30.00 that were paid.
        assert_eq!(closed.refunds[0].amount, Some(gbp(2_069)));
        assert_eq!(closed.refunds[0].status(), RefundStatus::Settled);

        let refunds = shop.intake.refunds();
        assert_eq!(refunds.len(), 1);
        assert_eq!(refunds[0].refund_id, format!("{case_id}-R1"));
        assert_eq!(refunds[0].amount, Some(gbp(2_069)));
        assert_eq!(refunds[0].lines, [facts::units("1", 2)]);

        eventually(PATIENCE, async || !shop.inventory.restocks().is_empty()).await;
        let restock = &shop.inventory.restocks()[0];
        let lines: Vec<_> = restock
            .lines
            .iter()
            .map(|line| (line.sku.as_str(), line.quantity, line.condition()))
            .collect();
        assert_eq!(restock.site_id, "north");
        assert_eq!(
            lines,
            [
                ("MUG", 1, StockCondition::Sellable),
                ("MUG", 1, StockCondition::Quarantine)
            ]
        );
        let checks = shop.all.verify().await;
        assert!(
            checks
                .iter()
                .any(|check| check.check == "aftersales.purchases" && check.examined == 1)
        );
        assert!(checks.iter().all(|check| check.ok), "{checks:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_exchange_places_a_replacement_that_the_return_frees() {
    for store in stores().await.unwrap() {
        let shop = Shop::open(store).await;
        let order_id = shop.delivered_order().await;
        let mut desk = shop.desk(&[role::CLERK]);
        let mut wanted = request(&order_id, CaseKind::Exchange, &[("1", 1)]);
        wanted.lines[0].replacement_sku = "MUG-BLUE".to_owned();
        wanted.approve = true;
        let case_id = desk.open_case(wanted).await.unwrap().into_inner().case_id;

        let placed = shop
            .case_when(&case_id, |case| !case.replacement_order_id.is_empty())
            .await;
        assert_eq!(placed.replacement_order_id, replacement_of(&case_id));
        let orders = shop.intake.orders();
        assert_eq!(orders.len(), 1);
        let order = &orders[0];
        assert_eq!(
            (order.channel.as_str(), order.channel_order_number.as_str()),
            ("exchange", case_id.as_str())
        );
        assert_eq!(order.replacement_for_case, case_id);
        assert_eq!(order.customer_id, "c1");
        assert!(order.await_return);
        assert_eq!(order.lines[0].sku, "MUG-BLUE");
        assert!(order.lines[0].no_charge);

        desk.record_receipt(RecordReceiptRequest {
            case_id: case_id.clone(),
            ..RecordReceiptRequest::default()
        })
        .await
        .unwrap();
        let closed = shop
            .case_when(&case_id, |case| case.status() == CaseStatus::Closed)
            .await;
        assert_eq!(closed.outcome, "REPLACED");
        assert!(
            shop.intake.refunds().is_empty(),
            "an exchange gives goods, not money"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_withdrawn_exchange_cancels_its_replacement() {
    let shop = Shop::open(ordo_testkit::sqlite().unwrap()).await;
    let order_id = shop.delivered_order().await;
    let mut desk = shop.desk(&[role::AGENT]);
    let wanted = OpenCaseRequest {
        approve: true,
        ..request(&order_id, CaseKind::Exchange, &[("1", 1)])
    };
    let case_id = desk.open_case(wanted).await.unwrap().into_inner().case_id;
    desk.decide(DecideRequest {
        case_id: case_id.clone(),
        decision: Decision::Withdraw.into(),
        ..DecideRequest::default()
    })
    .await
    .unwrap();
    eventually(PATIENCE, async || !shop.intake.cancellations().is_empty()).await;
    assert_eq!(
        shop.intake.cancellations()[0].order_id,
        replacement_of(&case_id)
    );
    let closed = shop
        .case_when(&case_id, |case| case.status() == CaseStatus::Closed)
        .await;
    assert_eq!(closed.outcome, "WITHDRAWN");
    let purchase = shop.purchase_when(&order_id, |_| true).await;
    assert_eq!(
        purchase.lines[0].claimable, 2,
        "its units can be claimed again"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refund_that_intake_refuses_is_shown_as_failed_and_granted_again() {
    for store in stores().await.unwrap() {
        let shop = Shop::open(store).await;
        shop.intake
            .trouble([Trouble::Refused("REFUND_ABOVE_CAPTURED")]);
        let order_id = shop.delivered_order().await;
        let mut desk = shop.desk(&[role::AGENT]);
        let wanted = OpenCaseRequest {
            approve: true,
            ..request(&order_id, CaseKind::Return, &[("2", 1)])
        };
        let case_id = desk.open_case(wanted).await.unwrap().into_inner().case_id;
        desk.record_receipt(RecordReceiptRequest {
            case_id: case_id.clone(),
            ..RecordReceiptRequest::default()
        })
        .await
        .unwrap();
        let failed = shop
            .case_when(&case_id, |case| {
                case.refunds
                    .first()
                    .is_some_and(|r| r.status() == RefundStatus::Failed)
            })
            .await;
        assert_eq!(failed.status(), CaseStatus::Received);
        assert!(
            failed.refunds[0]
                .failure
                .starts_with("REFUND_ABOVE_CAPTURED")
        );

        let again = desk
            .refund(RefundRequest {
                case_id: case_id.clone(),
                ..RefundRequest::default()
            })
            .await
            .unwrap()
            .into_inner();
        assert_eq!(again.refund_id, format!("{case_id}-R2"));
        assert_eq!(again.amount, Some(gbp(931)));
        let closed = shop
            .case_when(&case_id, |case| case.status() == CaseStatus::Closed)
            .await;
        assert_eq!(closed.refunds[1].status(), RefundStatus::Settled);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn where_the_shop_wants_it_a_person_decides_each_refund() {
    let rules = Rules {
        refund_on_receipt: false,
    };
    let shop = Shop::open_with(ordo_testkit::sqlite().unwrap(), rules).await;
    let order_id = shop.delivered_order().await;
    let mut desk = shop.desk(&[role::AGENT]);
    let wanted = OpenCaseRequest {
        approve: true,
        ..request(&order_id, CaseKind::Return, &[("1", 2)])
    };
    let case_id = desk.open_case(wanted).await.unwrap().into_inner().case_id;
    let received = desk
        .record_receipt(RecordReceiptRequest {
            case_id: case_id.clone(),
            ..RecordReceiptRequest::default()
        })
        .await
        .unwrap()
        .into_inner();
    assert_eq!(received.refundable, Some(gbp(2_069)));
    let part = desk
        .refund(RefundRequest {
            case_id: case_id.clone(),
            amount: Some(gbp(1_800)),
            last: true,
            ..RefundRequest::default()
        })
        .await
        .unwrap()
        .into_inner();
    assert_eq!(part.amount, Some(gbp(1_800)));
    shop.case_when(&case_id, |case| case.status() == CaseStatus::Closed)
        .await;
    assert_eq!(shop.intake.refunds()[0].amount, Some(gbp(1_800)));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_promised_before_a_restart_is_paid_after_it_and_once() {
    for store in stores().await.unwrap() {
        let mut shop = Shop::open(store).await;
        let order_id = shop.delivered_order().await;
        let away = std::iter::repeat_n(Trouble::Before(tonic::Code::Unavailable), 3);
        shop.intake
            .trouble(away.chain([Trouble::After(tonic::Code::Unavailable)]));
        let mut desk = shop.desk(&[role::AGENT]);
        let wanted = OpenCaseRequest {
            approve: true,
            ..request(&order_id, CaseKind::Return, &[("1", 1)])
        };
        let case_id = desk.open_case(wanted).await.unwrap().into_inner().case_id;
        desk.record_receipt(RecordReceiptRequest {
            case_id: case_id.clone(),
            ..RecordReceiptRequest::default()
        })
        .await
        .unwrap();
        shop.stop().await;
        shop.start(Rules::default()).await;
        shop.case_when(&case_id, |case| case.status() == CaseStatus::Closed)
            .await;
        assert!(shop.intake.is_at_peace());
        assert_eq!(shop.intake.refunds().len(), 1, "{}", shop.store.name);
        assert_eq!(
            shop.intake.tries(),
            [5],
            "one command, tried until it was answered"
        );
    }
}
