//! From the work list to the lorry.

use ordo_fulfilment::fulfilment_order::CheckPolicy;
use ordo_proto::{
    fulfilment::{
        CheckLine, DispatchRequest, FulfilmentOrderStatus as Status, GetFulfilmentOrderRequest,
        ListWorkRequest, PackParcel, PackRequest, RecordCheckRequest, RecordPickRequest,
        StartPickingRequest,
    },
    types::LineQuantity,
};
use ordo_rpc::role;
use ordo_testkit::{eventually, sqlite, stores};
use tonic::Code;
use tonic_types::StatusExt as _;

use crate::warehouse::{
    CUP_BARCODE, PATIENCE, TEA_BARCODE, Warehouse, header, pick, reason, token,
};

#[tokio::test(flavor = "multi_thread")]
async fn an_order_goes_from_the_work_list_to_the_lorry_on_every_store() {
    for store in stores().await.unwrap() {
        let warehouse = Warehouse::open(&store).await;
        warehouse.stock_catalogue().await;
        let id = warehouse.open_order().await;
        let mut picker = warehouse.desk(&[role::PICKER]);
        let mut packer = warehouse.desk(&[role::PACKER]);

        let work = ListWorkRequest {
            site_id: "north".into(),
            statuses: vec![Status::Open.into()],
            ..ListWorkRequest::default()
        };
        let list = picker.list_work(work).await.unwrap().into_inner();
        assert_eq!(list.work.len(), 1, "{}", store.name);
        assert_eq!(list.work[0].fulfilment_order_id, id);

        let start = StartPickingRequest {
            fulfilment_order_id: id.clone(),
            ..StartPickingRequest::default()
        };
        picker.start_picking(start).await.unwrap();
        scan(&warehouse, &id).await;
        let check = RecordCheckRequest {
            fulfilment_order_id: id.clone(),
            ..RecordCheckRequest::default()
        };
        let checked = packer.record_check(check).await.unwrap().into_inner();
        assert_eq!(checked.status(), Status::Checked);

        let pack = PackRequest {
            fulfilment_order_id: id.clone(),
            parcels: vec![parcel(&[("1", 2)], 500), parcel(&[("2", 1)], 300)],
            ..PackRequest::default()
        };
        let packed = packer.pack(pack).await.unwrap().into_inner();
        assert_eq!(packed.parcel_ids, [format!("{id}-P1"), format!("{id}-P2")]);

        let dispatch = DispatchRequest {
            fulfilment_order_id: id.clone(),
            carrier: "Swift".into(),
            tracking_number: "SW 1".into(),
            ..DispatchRequest::default()
        };
        let left = packer.dispatch(dispatch).await.unwrap().into_inner();
        assert_eq!(left.parcel_ids.len(), 2);
        let request = GetFulfilmentOrderRequest {
            fulfilment_order_id: id.clone(),
            at_least: token(&left.receipt),
        };
        let order = packer
            .get_fulfilment_order(request)
            .await
            .unwrap()
            .into_inner();
        let order = order.fulfilment_order.unwrap();
        assert_eq!(order.status(), Status::Dispatched);
        assert_eq!(order.worker, "wang");
        let line = &order.lines[0];
        assert_eq!(
            (line.picked, line.checked, line.packed, line.dispatched),
            (2, 2, 2, 2)
        );

        eventually(PATIENCE, async || warehouse.stock.consumed().len() == 2).await;
        let consumed = warehouse.stock.consumed();
        assert!(
            consumed
                .iter()
                .all(|request| request.reservation_id == order.order_id)
        );
        let checks = [
            "fulfilment.quantities",
            "projection.work",
            "projection.parcels",
            "projection.barcodes",
        ];
        warehouse.expect_sound(&checks).await;
    }
}

/// Picks everything; a scan that is not known yet is tried until the catalogue has arrived.
async fn scan(warehouse: &Warehouse, id: &str) {
    let mut picker = warehouse.desk(&[role::PICKER]);
    let scanned = |line_id, quantity, barcode: &str| RecordPickRequest {
        barcode: barcode.to_owned(),
        ..pick(id, line_id, quantity)
    };
    // Scanners read a UPC with a leading zero as an EAN.
    let cup = format!("0{CUP_BARCODE}");
    eventually(PATIENCE, async || {
        let request = scanned("2", 1, &cup);
        warehouse
            .desk(&[role::PICKER])
            .record_pick(request)
            .await
            .is_ok()
    })
    .await;
    assert_eq!(
        reason(picker.record_pick(scanned("1", 1, CUP_BARCODE)).await),
        "WRONG_ITEM"
    );
    let answer = picker
        .record_pick(scanned("1", 2, TEA_BARCODE))
        .await
        .unwrap()
        .into_inner();
    assert_eq!(answer.status(), Status::Picked);
}

fn parcel(lines: &[(&str, i64)], weight_grams: i64) -> PackParcel {
    let lines = lines.iter().map(|(line_id, quantity)| LineQuantity {
        line_id: (*line_id).to_owned(),
        quantity: *quantity,
    });
    PackParcel {
        lines: lines.collect(),
        weight_grams,
        carton: "M".into(),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_command_again_is_the_same_answer() {
    let store = sqlite().unwrap();
    let warehouse = Warehouse::open(&store).await;
    let id = warehouse.open_order().await;
    let mut picker = warehouse.desk(&[role::PICKER]);
    let request = RecordPickRequest {
        header: header("robot-7/1"),
        ..pick(&id, "1", 2)
    };
    let first = picker
        .record_pick(request.clone())
        .await
        .unwrap()
        .into_inner();
    let again = picker
        .record_pick(request.clone())
        .await
        .unwrap()
        .into_inner();
    assert_eq!(again.status, first.status);
    assert!(again.receipt.unwrap().duplicate);
    assert!(!first.receipt.unwrap().duplicate);

    let other = RecordPickRequest {
        quantity: 1,
        ..request
    };
    let refused = picker.record_pick(other).await.unwrap_err();
    assert_eq!(refused.code(), Code::AlreadyExists);
    // The same bytes mean something else to another method.
    let start = StartPickingRequest {
        header: header("robot-7/2"),
        fulfilment_order_id: id.clone(),
        ..StartPickingRequest::default()
    };
    picker.start_picking(start).await.unwrap();
    let mut packer = warehouse.desk(&[role::PACKER]);
    let check = RecordCheckRequest {
        header: header("robot-7/2"),
        fulfilment_order_id: id,
        lines: vec![],
    };
    assert_eq!(
        reason(packer.record_check(check).await),
        "COMMAND_ID_REUSED"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn everything_wrong_with_a_request_is_said_at_once() {
    let store = sqlite().unwrap();
    let warehouse = Warehouse::open(&store).await;
    let mut desk = warehouse.desk(&[role::WAREHOUSE]);
    let request = RecordPickRequest {
        fulfilment_order_id: "nonsense".into(),
        quantity: -1,
        missing: 2,
        ..RecordPickRequest::default()
    };
    let refused = desk.record_pick(request).await.unwrap_err();
    assert_eq!(refused.code(), Code::InvalidArgument);
    assert_eq!(
        fields(&refused),
        ["fulfilment_order_id", "line_id", "quantity", "reason"]
    );

    let request = PackRequest {
        fulfilment_order_id: "a-F1".into(),
        parcels: vec![parcel(&[("1", 0)], -1), PackParcel::default()],
        ..PackRequest::default()
    };
    let refused = desk.pack(request).await.unwrap_err();
    let expected = [
        "parcels[0].lines[0].quantity",
        "parcels[0].weight_grams",
        "parcels[1].lines",
    ];
    assert_eq!(fields(&refused), expected);

    let request = DispatchRequest {
        fulfilment_order_id: "a-F1".into(),
        parcel_ids: vec!["a-F2-P1".into()],
        tracking_number: "1".into(),
        ..DispatchRequest::default()
    };
    assert_eq!(
        fields(&desk.dispatch(request).await.unwrap_err()),
        ["parcel_ids[0]", "carrier"]
    );

    let request = RecordCheckRequest {
        fulfilment_order_id: "a-F1".into(),
        lines: vec![CheckLine {
            line_id: "1".into(),
            failed: 1,
            ..CheckLine::default()
        }],
        ..RecordCheckRequest::default()
    };
    assert_eq!(
        fields(&desk.record_check(request).await.unwrap_err()),
        ["lines[0].reason"]
    );
}

fn fields(refused: &tonic::Status) -> Vec<String> {
    let details = refused.get_details_bad_request().unwrap();
    details
        .field_violations
        .into_iter()
        .map(|violation| violation.field)
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_says_what_can_be_done_instead() {
    let store = sqlite().unwrap();
    let warehouse = Warehouse::open(&store).await;
    let id = warehouse.picked_order().await;
    let mut picker = warehouse.desk(&[role::PICKER]);
    let refused = picker.record_pick(pick(&id, "1", 1)).await.unwrap_err();
    assert_eq!(refused.code(), Code::FailedPrecondition);
    let info = refused.get_details_error_info().unwrap();
    assert_eq!(info.reason, "TOO_MANY_PICKED");
    assert_eq!(info.metadata["wanted"], "0");
    assert!(info.metadata["way_out"].contains("Put back"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_shop_may_require_the_check() {
    let store = sqlite().unwrap();
    let warehouse = Warehouse::open_with(&store, CheckPolicy::Required).await;
    let id = warehouse.picked_order().await;
    let mut packer = warehouse.desk(&[role::PACKER]);
    let pack = PackRequest {
        fulfilment_order_id: id.clone(),
        ..PackRequest::default()
    };
    assert_eq!(reason(packer.pack(pack.clone()).await), "NOT_CHECKED");
    let check = RecordCheckRequest {
        fulfilment_order_id: id,
        ..RecordCheckRequest::default()
    };
    packer.record_check(check).await.unwrap();
    packer.pack(pack).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn pickers_do_not_pack() {
    let store = sqlite().unwrap();
    let warehouse = Warehouse::open(&store).await;
    let id = warehouse.picked_order().await;
    let pack = PackRequest {
        fulfilment_order_id: id,
        ..PackRequest::default()
    };
    let refused = warehouse
        .desk(&[role::PICKER])
        .pack(pack)
        .await
        .unwrap_err();
    assert_eq!(refused.code(), Code::PermissionDenied);
}

#[tokio::test(flavor = "multi_thread")]
async fn work_goes_on_after_a_restart() {
    let store = sqlite().unwrap();
    let mut warehouse = Warehouse::open(&store).await;
    let id = warehouse.picked_order().await;
    warehouse.stop().await;
    let while_away = warehouse.new_order();
    let released = warehouse.released(&while_away, 1).await;
    warehouse.intake_tells(&while_away, released).await;
    warehouse.start(CheckPolicy::Optional).await;
    warehouse.when_status(&id, Status::Picked).await;
    warehouse
        .when_status(&format!("{while_away}-F1"), Status::Open)
        .await;
}
