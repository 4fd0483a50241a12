//! Reserving, releasing, sending, expiring.

use ordo_event_log::Timestamp;
use ordo_proto::{
    inventory::{
        ConsumeReservationRequest, ReceiveStockLine, ReceiveStockRequest,
        ReleaseReservationRequest, ReservationLine, ReserveRequest,
    },
    types::LineQuantity,
};
use ordo_testkit::{eventually, sqlite, stores};

use crate::shop::{PATIENCE, Shop, fields, header, reason, token, wants};

fn release_all(id: &str) -> ReleaseReservationRequest {
    ReleaseReservationRequest {
        reservation_id: id.into(),
        cause: "CUSTOMER".into(),
        ..ReleaseReservationRequest::default()
    }
}

fn send(id: &str, parcel_id: &str, quantity: i64) -> ConsumeReservationRequest {
    ConsumeReservationRequest {
        reservation_id: id.into(),
        site_id: "W1".into(),
        parcel_id: parcel_id.into(),
        lines: vec![LineQuantity {
            line_id: "1".into(),
            quantity,
        }],
        ..ConsumeReservationRequest::default()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_is_reserved_sent_and_the_rest_given_back() {
    for store in stores().await.unwrap() {
        let shop = Shop::open(store).await;
        shop.receive("MUG", 5).await;
        let reserved = shop
            .admin()
            .reserve(wants("A", "MUG", 4))
            .await
            .unwrap()
            .into_inner();
        assert_eq!(
            reserved
                .allocations
                .iter()
                .map(|one| one.quantity)
                .sum::<i64>(),
            4,
            "{}",
            shop.store_name
        );
        assert!(reserved.shortages.is_empty() && !reserved.waiting);
        for _ in 0..2 {
            shop.admin()
                .consume_reservation(send("A", "P1", 3))
                .await
                .unwrap();
        }
        assert_eq!(
            reason(shop.admin().consume_reservation(send("A", "P2", 2)).await),
            "NOT_RESERVED"
        );
        let released = shop
            .admin()
            .release_reservation(release_all("A"))
            .await
            .unwrap()
            .into_inner();
        assert_eq!(
            released
                .released
                .iter()
                .map(|one| one.quantity)
                .sum::<i64>(),
            1
        );
        let now = shop.availability("MUG", token(&released.receipt)).await;
        assert_eq!((now.on_hand, now.reserved, now.available), (2, 0, 2));
        let reservation = shop.reservation("A").await;
        assert_eq!(
            (
                reservation.allocations.len(),
                reservation.consumed[0].quantity
            ),
            (0, 3)
        );
        shop.expect_sound().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_sent_again_gets_the_same_answer_and_reserves_nothing_more() {
    let shop = Shop::open(sqlite().unwrap()).await;
    shop.receive("MUG", 5).await;
    let request = ReserveRequest {
        header: header("reserve-A"),
        ..wants("A", "MUG", 2)
    };
    let first = shop
        .admin()
        .reserve(request.clone())
        .await
        .unwrap()
        .into_inner();
    let again = shop.admin().reserve(request).await.unwrap().into_inner();
    assert!(again.receipt.as_ref().unwrap().duplicate);
    assert_eq!(
        (again.allocations, again.shortages),
        (first.allocations.clone(), first.shortages)
    );
    // Another command for the same attempt.
    let other = shop
        .admin()
        .reserve(wants("A", "MUG", 2))
        .await
        .unwrap()
        .into_inner();
    assert_eq!(other.allocations, first.allocations);
    assert_eq!(
        reason(shop.admin().reserve(wants("A", "MUG", 3)).await),
        "ATTEMPT_REUSED"
    );
    let second = ReserveRequest {
        attempt: 2,
        ..wants("A", "MUG", 1)
    };
    shop.admin().reserve(second).await.unwrap();
    assert_eq!(
        reason(shop.admin().reserve(wants("A", "MUG", 2)).await),
        "ATTEMPT_SUPERSEDED"
    );
    assert_eq!(shop.held("A").await, 3);
    shop.expect_sound().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_short_and_what_is_unknown_is_told_line_by_line() {
    let shop = Shop::open(sqlite().unwrap()).await;
    shop.receive("MUG", 1).await;
    let line = |line_id: &str, sku: &str, quantity| ReservationLine {
        line_id: line_id.into(),
        sku: sku.into(),
        quantity,
    };
    let request = ReserveRequest {
        lines: vec![
            line("1", "MUG", 3),
            line("2", "NEVER-SEEN", 1),
            line("3", "写错了 @", 2),
        ],
        ..wants("A", "MUG", 1)
    };
    let answer = shop.admin().reserve(request).await.unwrap().into_inner();
    let told: Vec<_> = (answer.shortages.iter())
        .map(|short| (short.line_id.as_str(), short.missing, short.unknown_sku))
        .collect();
    assert_eq!(told, [("1", 2, false), ("2", 1, true), ("3", 2, true)]);
    assert_eq!(answer.allocations[0].quantity, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_of_two_thousand_lines_is_reserved_right_after_a_restart() {
    let mut shop = Shop::open(sqlite().unwrap()).await;
    let skus: Vec<String> = (0..2_000).map(|number| format!("S{number}")).collect();
    for sku in &skus {
        shop.put_sku(sku).await;
    }
    for piece in skus.chunks(1_000) {
        let line = |sku: &String| ReceiveStockLine {
            sku: sku.clone(),
            quantity: 1,
            ..ReceiveStockLine::default()
        };
        let delivery = ReceiveStockRequest {
            site_id: "W1".into(),
            lines: piece.iter().map(line).collect(),
            ..ReceiveStockRequest::default()
        };
        shop.admin().receive_stock(delivery).await.unwrap();
    }
    shop.stop().await;
    shop.start().await;
    let line = |(number, sku): (usize, &String)| ReservationLine {
        line_id: number.to_string(),
        sku: sku.clone(),
        quantity: 1,
    };
    let large = ReserveRequest {
        lines: skus.iter().enumerate().map(line).collect(),
        ..wants("A", "MUG", 1)
    };
    let begun = std::time::Instant::now();
    let answer = shop.admin().reserve(large).await.unwrap().into_inner();
    println!("2,000 lines reserved in {:?}", begun.elapsed());
    assert_eq!(answer.allocations.len(), 2_000);
    let begun = std::time::Instant::now();
    shop.admin()
        .release_reservation(release_all("A"))
        .await
        .unwrap();
    println!("2,000 lines released in {:?}", begun.elapsed());
    shop.expect_sound().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_fault_of_a_request_is_named_at_once() {
    let shop = Shop::open(sqlite().unwrap()).await;
    let line = |line_id: &str, sku: &str, quantity| ReservationLine {
        line_id: line_id.into(),
        sku: sku.into(),
        quantity,
    };
    let faulty = ReserveRequest {
        reservation_id: String::new(),
        attempt: 0,
        lines: vec![line("1", "MUG", 0), line("1", "", 1)],
        site_id: "x".repeat(101),
        ..ReserveRequest::default()
    };
    let expected = [
        "reservation_id",
        "attempt",
        "lines[0].quantity",
        "lines[1].line_id",
        "lines[1].sku",
        "site_id",
    ];
    assert_eq!(fields(shop.admin().reserve(faulty).await), expected);
    let nothing = ReserveRequest {
        lines: vec![],
        ..wants("A", "MUG", 1)
    };
    assert_eq!(fields(shop.admin().reserve(nothing).await), ["lines"]);
    let never = ReserveRequest {
        lines: vec![],
        attempt: 2,
        ..wants("A", "MUG", 1)
    };
    assert_eq!(reason(shop.admin().reserve(never).await), "INVALID_REQUEST");
    let release = ReleaseReservationRequest {
        cause: String::new(),
        ..release_all("")
    };
    assert_eq!(
        fields(shop.admin().release_reservation(release).await),
        ["reservation_id", "cause"]
    );
    assert_eq!(
        reason(shop.admin().release_reservation(release_all("A")).await),
        "RESERVATION_NOT_FOUND"
    );
    let send = ConsumeReservationRequest::default();
    assert_eq!(
        fields(shop.admin().consume_reservation(send).await),
        ["reservation_id", "site_id", "parcel_id", "lines"]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unpaid_orders_units_come_back_when_its_time_is_over() {
    for store in stores().await.unwrap() {
        let shop = Shop::open(store).await;
        shop.receive("MUG", 2).await;
        let soon = Timestamp(Timestamp::now().0 + 500_000);
        let unpaid = ReserveRequest {
            expires_at: Some(soon.into()),
            ..wants("A", "MUG", 1)
        };
        shop.admin().reserve(unpaid.clone()).await.unwrap();
        let extended = ReserveRequest {
            reservation_id: "B".into(),
            ..unpaid
        };
        shop.admin().reserve(extended.clone()).await.unwrap();
        let paid = ReserveRequest {
            attempt: 2,
            lines: vec![],
            expires_at: None,
            ..extended
        };
        shop.admin().reserve(paid).await.unwrap();
        eventually(PATIENCE, async || shop.held("A").await == 0).await;
        assert_eq!(
            shop.held("B").await,
            1,
            "{}: a later attempt lifted the end",
            shop.store_name
        );
        shop.expect_sound().await;
    }
}
