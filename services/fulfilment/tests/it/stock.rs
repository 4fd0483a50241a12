//! What fulfilment has inventory do, with calls that fail before and after they took effect.

use ordo_proto::{
    fulfilment::{
        CheckLine, FulfilmentOrderStatus as Status, RecordCheckRequest, RecordPickRequest,
        ShortPickReason,
    },
    inventory::{AdjustStockRequest, StockCondition},
    types::LineQuantity,
};
use ordo_rpc::role;
use ordo_testkit::{eventually, sqlite};

use crate::{
    inventory::Trouble,
    warehouse::{PATIENCE, Warehouse, pick},
};

/// One unit of line 1 is missing.
async fn short_pick(warehouse: &Warehouse, reason: ShortPickReason) -> String {
    let id = warehouse.open_order().await;
    miss_one(warehouse, pick(&id, "1", 1), reason).await;
    id
}

/// One unit is missing besides what `picked` tells.
async fn miss_one(warehouse: &Warehouse, picked: RecordPickRequest, reason: ShortPickReason) {
    let short = RecordPickRequest {
        missing: 1,
        reason: reason.into(),
        ..picked
    };
    warehouse
        .desk(&[role::PICKER])
        .record_pick(short)
        .await
        .unwrap();
}

fn adjusted(id: &str, delta: i64, condition: StockCondition, reason: &str) -> AdjustStockRequest {
    AdjustStockRequest {
        sku: "TEA-1".into(),
        site_id: "north".into(),
        delta,
        condition: condition.into(),
        reason: reason.into(),
        cause_id: id.into(),
        ..AdjustStockRequest::default()
    }
}

/// Also gives up the order's reservation of the missing unit.
fn written_off(id: &str, delta: i64) -> AdjustStockRequest {
    AdjustStockRequest {
        reservation_id: id.trim_end_matches("-F1").into(),
        line_id: "1".into(),
        released_quantity: 1,
        ..adjusted(id, delta, StockCondition::Sellable, "SHORT_PICK")
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_empty_bin_is_written_off_but_for_what_others_were_promised() {
    let store = sqlite().unwrap();
    let warehouse = Warehouse::open(&store).await;
    warehouse.stock.trouble([Trouble::Before, Trouble::After]);
    let id = short_pick(&warehouse, ShortPickReason::NotInStock).await;
    eventually(PATIENCE, async || warehouse.stock.tries() == 3).await;
    // How many units those are is inventory's to say, in the same decision: it does not change between two tries.
    let emptied = AdjustStockRequest {
        all_unpromised: true,
        ..written_off(&id, -1)
    };
    assert_eq!(warehouse.stock.adjusted(), [emptied]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mismatch_writes_off_what_is_missing_once_however_often_calls_fail() {
    let store = sqlite().unwrap();
    let warehouse = Warehouse::open(&store).await;
    warehouse
        .stock
        .trouble([Trouble::Before, Trouble::After, Trouble::Before]);
    let id = short_pick(&warehouse, ShortPickReason::Mismatch).await;
    eventually(PATIENCE, async || warehouse.stock.tries() == 4).await;
    assert_eq!(warehouse.stock.adjusted(), [written_off(&id, -1)]);
}

#[tokio::test(flavor = "multi_thread")]
async fn damaged_units_stay_in_the_book_as_damaged() {
    let store = sqlite().unwrap();
    let warehouse = Warehouse::open(&store).await;
    let id = short_pick(&warehouse, ShortPickReason::Damaged).await;
    eventually(PATIENCE, async || warehouse.stock.adjusted().len() == 2).await;
    let damaged = adjusted(&id, 1, StockCondition::Damaged, "SHORT_PICK");
    assert_eq!(warehouse.stock.adjusted(), [written_off(&id, -1), damaged]);
}

/// Found by simulation (seed 3215): the order was cancelled while its picker looked for the unit, and the reservation that was
/// given up went to another order before the loss could be booked.
#[tokio::test(flavor = "multi_thread")]
async fn units_that_are_promised_to_others_by_now_are_left_to_their_pickers() {
    let store = sqlite().unwrap();
    let warehouse = Warehouse::open(&store).await;
    warehouse.stock.trouble([Trouble::TakesTooMany]);
    let id = short_pick(&warehouse, ShortPickReason::Mismatch).await;
    eventually(PATIENCE, async || warehouse.stock.is_at_peace()).await;
    // Nothing waits for a person: the order's next correction is made.
    miss_one(&warehouse, pick(&id, "2", 0), ShortPickReason::Mismatch).await;
    eventually(PATIENCE, async || !warehouse.stock.adjusted().is_empty()).await;
    let next = AdjustStockRequest {
        sku: "CUP-1".into(),
        line_id: "2".into(),
        ..written_off(&id, -1)
    };
    assert_eq!(warehouse.stock.adjusted(), [next]);
}

async fn failed_check(warehouse: &Warehouse) -> String {
    let id = warehouse.picked_order().await;
    let check = RecordCheckRequest {
        fulfilment_order_id: id.clone(),
        lines: vec![CheckLine {
            line_id: "1".into(),
            passed: 1,
            failed: 1,
            reason: "TORN".into(),
        }],
        ..RecordCheckRequest::default()
    };
    let answer = warehouse
        .desk(&[role::PACKER])
        .record_check(check)
        .await
        .unwrap()
        .into_inner();
    assert_eq!(
        answer.status(),
        Status::Picking,
        "the failed unit is to be picked again"
    );
    id
}

#[tokio::test(flavor = "multi_thread")]
async fn units_that_fail_the_check_go_to_quarantine() {
    let store = sqlite().unwrap();
    let warehouse = Warehouse::open(&store).await;
    warehouse.stock.trouble([Trouble::After]);
    let id = failed_check(&warehouse).await;
    eventually(PATIENCE, async || warehouse.stock.adjusted().len() == 2).await;
    let out = adjusted(&id, -1, StockCondition::Sellable, "CHECK_FAILED");
    let into = adjusted(&id, 1, StockCondition::Quarantine, "CHECK_FAILED");
    assert_eq!(warehouse.stock.adjusted(), [out, into]);
}

#[tokio::test(flavor = "multi_thread")]
async fn where_every_unit_is_promised_the_short_pick_corrects_the_book_instead() {
    let store = sqlite().unwrap();
    let warehouse = Warehouse::open(&store).await;
    warehouse.stock.trouble([Trouble::TakesTooMany]);
    let id = failed_check(&warehouse).await;
    eventually(PATIENCE, async || warehouse.stock.is_at_peace()).await;
    miss_one(&warehouse, pick(&id, "1", 0), ShortPickReason::Damaged).await;
    eventually(PATIENCE, async || warehouse.stock.adjusted().len() == 2).await;
    let damaged = adjusted(&id, 1, StockCondition::Damaged, "SHORT_PICK");
    assert_eq!(warehouse.stock.adjusted(), [written_off(&id, -1), damaged]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_parcel_is_consumed_once_however_often_calls_fail() {
    let store = sqlite().unwrap();
    let warehouse = Warehouse::open(&store).await;
    warehouse.stock.trouble([Trouble::After, Trouble::Before]);
    let parcel_id = warehouse.dispatched_order("Swift", "1").await;
    eventually(PATIENCE, async || warehouse.stock.tries() == 3).await;
    let [consumed] = warehouse.stock.consumed().try_into().unwrap();
    assert_eq!(consumed.parcel_id, parcel_id);
    assert_eq!(consumed.site_id, "north");
    let units = |line_id: &str, quantity| LineQuantity {
        line_id: line_id.to_owned(),
        quantity,
    };
    assert_eq!(consumed.lines, [units("1", 2), units("2", 1)]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_parcel_that_is_told_again_before_its_reservation_is_consumed_when_that_is_there() {
    let store = sqlite().unwrap();
    let warehouse = Warehouse::open(&store).await;
    // Inventory was restored: the order's reservation is asked for again, a moment later than its parcel is told.
    warehouse
        .stock
        .trouble([Trouble::NotFound, Trouble::NotReserved]);
    let parcel_id = warehouse.dispatched_order("Swift", "1").await;
    eventually(PATIENCE, async || warehouse.stock.tries() == 3).await;
    let [consumed] = warehouse.stock.consumed().try_into().unwrap();
    assert_eq!(consumed.parcel_id, parcel_id);
}
