//! When there is not enough.

use futures::future::join_all;
use ordo_proto::{
    fulfilment::{RecordPickRequest, ShortPickReason},
    intake::HoldReason,
    inventory::{ReservationLine, ReserveRequest},
};
use ordo_scenarios::{Shop, Store, again, header, named, orders::order};

#[tokio::test]
async fn an_order_short_of_stock_waits_and_comes_free_by_itself_when_stock_arrives() {
    for store in [Store::Sqlite, Store::Postgres] {
        let shop = Shop::open(store).await;
        shop.stock("TEA", 1).await;
        let id = shop.placed(order("1", &[("TEA", 3)])).await;
        let held = shop
            .order_when(&id, |order| {
                order
                    .holds
                    .iter()
                    .any(|hold| hold.reason() == HoldReason::ShortStock)
            })
            .await;
        assert_eq!(held.holds.len(), 1);
        shop.receive("TEA", 2).await;
        shop.order_when(&id, |order| order.holds.is_empty()).await;
        shop.fulfil(&id).await;
        shop.verify().await;
        shop.close().await;
    }
}

#[tokio::test]
async fn waiting_orders_are_served_first_come_first_served() {
    let shop = Shop::open(Store::Sqlite).await;
    shop.stock("TEA", 0).await;
    let mut ids = Vec::new();
    for number in 1..=3 {
        let id = shop.placed(order(&number.to_string(), &[("TEA", 1)])).await;
        shop.order_when(&id, |order| !order.holds.is_empty()).await;
        ids.push(id);
    }
    shop.receive("TEA", 2).await;
    shop.order_when(&ids[0], |order| order.holds.is_empty())
        .await;
    shop.order_when(&ids[1], |order| order.holds.is_empty())
        .await;
    shop.settle().await;
    let last = shop.get(&ids[2]).await.unwrap();
    assert!(!last.holds.is_empty());
    shop.verify().await;
    shop.close().await;
}

/// The book says five, the bin is empty. Until inventory has booked that, it would give the order units from there again.
#[tokio::test]
async fn what_was_not_found_is_asked_for_again_and_never_from_the_empty_bin() {
    let shop = Shop::open(Store::Sqlite).await;
    shop.stock("TEA", 5).await;
    let id = shop.placed(order("1", &[("TEA", 2)])).await;
    let work = shop.work_of(&id, 1).await.remove(0);
    let pick = RecordPickRequest {
        header: header(),
        fulfilment_order_id: work.fulfilment_order_id.clone(),
        line_id: "1".to_owned(),
        missing: 2,
        reason: ShortPickReason::NotInStock.into(),
        ..RecordPickRequest::default()
    };
    again(|| async { shop.fulfilment().record_pick(pick.clone()).await })
        .await
        .unwrap();
    shop.order_when(&id, |order| {
        let held_for = |reason| order.holds.iter().any(|hold| hold.reason() == reason);
        held_for(HoldReason::ShortPick) && held_for(HoldReason::ShortStock)
    })
    .await;
    shop.available_when("TEA", |tea| tea.on_hand == 0).await;
    shop.receive("TEA", 2).await;
    shop.order_when(&id, |order| order.holds.is_empty()).await;
    assert_eq!(shop.work_of(&id, 2).await.len(), 2, "not found once");
    shop.fulfil(&id).await;
    shop.verify().await;
    shop.close().await;
}

#[tokio::test]
async fn of_ten_thousand_reservations_for_a_hundred_units_exactly_a_hundred_win_on_sqlite() {
    flash_sale(Store::Sqlite).await;
}

#[tokio::test]
async fn of_ten_thousand_reservations_for_a_hundred_units_exactly_a_hundred_win_on_postgres() {
    flash_sale(Store::Postgres).await;
}

async fn flash_sale(store: Store) {
    const BUYERS: usize = 10_000;
    let shop = Shop::open(store).await;
    shop.stock("HOT", 100).await;
    let answers = join_all((0..64).map(|lane| {
        let mut inventory = shop.inventory();
        let shop = &shop;
        async move {
            let mut won = 0;
            let mut answered = 0;
            for buyer in (lane..BUYERS).step_by(64) {
                let request = ReserveRequest {
                    header: named(&format!("buyer-{buyer}")),
                    reservation_id: format!("buyer-{buyer}"),
                    attempt: 1,
                    lines: vec![ReservationLine {
                        line_id: "1".to_owned(),
                        sku: "HOT".to_owned(),
                        quantity: 1,
                    }],
                    all_or_nothing: true,
                    ..ReserveRequest::default()
                };
                let answer = match inventory.reserve(request.clone()).await {
                    Ok(answer) => answer.into_inner(),
                    Err(_) => again(|| async { shop.inventory().reserve(request.clone()).await })
                        .await
                        .unwrap(),
                };
                answered += 1;
                won += usize::from(
                    answer
                        .allocations
                        .iter()
                        .any(|allocation| allocation.quantity == 1),
                );
            }
            (won, answered)
        }
    }))
    .await;
    assert_eq!(answers.iter().map(|(won, _)| won).sum::<usize>(), 100);
    assert_eq!(
        answers.iter().map(|(_, answered)| answered).sum::<usize>(),
        BUYERS
    );
    let left = shop.available_when("HOT", |row| row.reserved == 100).await;
    assert_eq!((left.on_hand, left.available), (100, 0));
    shop.verify().await;
    shop.close().await;
}
