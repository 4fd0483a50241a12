//! One order's life: pushed by its channel, worked by the warehouse, brought by the carrier, sent back by the customer.

use std::time::{Duration, Instant};

use ordo_proto::{
    aftersales::{
        CaseKind, CaseLine, CaseStatus, GetCaseRequest, OpenCaseRequest, RecordReceiptRequest,
        RecordReturnParcelRequest,
    },
    fulfilment::{
        DispatchRequest, FulfilmentOrder, FulfilmentOrderStatus, ListWorkRequest, PackRequest,
        RecordCheckRequest, RecordPickRequest, RecordTrackingRequest, StartPickingRequest,
        TrackingScan, TrackingStatus, record_tracking_request,
    },
    intake::{
        CancelOrderRequest, GetOrderRequest, Order, OrderStatus, PlaceOrderResponse,
        get_order_request,
    },
    types::LineQuantity,
};
use tonic::{Code, Status};

use super::{
    retail,
    shop::{header, place_request},
};
use crate::{client::Client, commands::work::still_to_pick, fault::Fault};

/// Shortest and longest pause between two looks at an order that others work on. An order that has not moved for a while is
/// looked at less often: each look opens its recipient, which is written down.
const LOOK_EVERY: std::ops::Range<Duration> =
    Duration::from_millis(120)..Duration::from_millis(800);
/// An order that does not move for this long is stuck.
const PATIENCE: Duration = Duration::from_secs(120);

/// How far an order came.
#[derive(Debug, Clone, Default)]
pub struct Life {
    /// Its id.
    pub order_id: String,
    /// The second push made another order.
    pub duplicated: bool,
    /// It was held when it was last seen. A hold may pass: for stock that another order gives back, or for an article that
    /// intake had not heard of yet.
    pub held: bool,
    /// It never reached an end.
    pub stuck: bool,
    /// A return was received and settled.
    pub returned: bool,
    /// The return's case, once it is open.
    case_id: Option<String>,
}

/// Replays orders against a cluster.
pub struct Replay {
    client: Client,
    /// The carrier's clock stands still: a scan that is told again is the same scan.
    started: i64,
}

impl Replay {
    /// Against the cluster that `client` talks to.
    pub fn new(client: Client) -> Self {
        let started = jiff::Timestamp::now().as_second();
        Self { client, started }
    }

    /// From the first push to the end, or until it is held.
    pub async fn begin(&self, order: &retail::Order) -> Result<Life, Fault> {
        let placed = self.push(order).await?;
        let mut life = Life {
            order_id: placed.order_id.clone(),
            ..Life::default()
        };
        if order.pushed_twice {
            let again = self.push(order).await?;
            let repeated = again
                .receipt
                .as_ref()
                .is_some_and(|receipt| receipt.duplicate);
            life.duplicated = again.order_id != placed.order_id || !repeated;
        }
        if !order.cancelled.is_empty() {
            self.cancel(&life.order_id, order).await?;
        }
        self.go_on(order, &mut life).await?;
        Ok(life)
    }

    /// From where `life` stands to the end, or until it is held. Tells whether it was held no longer.
    pub async fn go_on(&self, order: &retail::Order, life: &mut Life) -> Result<bool, Fault> {
        let mut moved = (Instant::now(), 0);
        let mut went_on = false;
        loop {
            let seen = self.look(&life.order_id).await?;
            if seen.version != moved.1 {
                moved = (Instant::now(), seen.version);
            }
            let stage = stage(&seen);
            life.held = matches!(stage, Stage::Held);
            match stage {
                Stage::Held => return Ok(went_on),
                Stage::Cancelled => return Ok(true),
                Stage::Delivered if order.returned.is_empty() => return Ok(true),
                Stage::Delivered => match &life.case_id {
                    None => life.case_id = self.send_back(order, &seen).await?,
                    Some(case_id) => {
                        if self.is_closed(case_id).await? {
                            life.returned = true;
                            return Ok(true);
                        }
                    }
                },
                Stage::UnderWay => {
                    for work in self.work(&life.order_id).await? {
                        self.fulfil(&work).await?;
                    }
                }
            }
            went_on = true;
            if moved.0.elapsed() > PATIENCE {
                life.stuck = true;
                return Ok(true);
            }
            let still = moved.0.elapsed() / 2;
            tokio::time::sleep(still.clamp(LOOK_EVERY.start, LOOK_EVERY.end)).await;
        }
    }

    async fn push(&self, order: &retail::Order) -> Result<PlaceOrderResponse, Fault> {
        let request = place_request(order);
        again(|| async { Ok(self.client.intake()?.place_order(request.clone()).await?) }).await
    }

    async fn cancel(&self, order_id: &str, order: &retail::Order) -> Result<(), Fault> {
        let request = CancelOrderRequest {
            header: header(format!("demo-cancel-{}", order.number)),
            order_id: order_id.to_owned(),
            lines: quantities(&order.cancelled),
        };
        let cancelled =
            again(|| async { Ok(self.client.intake()?.cancel_order(request.clone()).await?) })
                .await;
        refusal_is_fine(cancelled).map(|_| ())
    }

    async fn look(&self, order_id: &str) -> Result<Order, Fault> {
        let request = GetOrderRequest {
            key: Some(get_order_request::Key::OrderId(order_id.to_owned())),
            at_least: None,
        };
        let answer =
            again(|| async { Ok(self.client.intake()?.get_order(request.clone()).await?) }).await?;
        Ok(answer.order.unwrap_or_default())
    }

    async fn work(&self, order_id: &str) -> Result<Vec<FulfilmentOrder>, Fault> {
        let request = ListWorkRequest {
            order_id: order_id.to_owned(),
            statuses: [
                FulfilmentOrderStatus::Open,
                FulfilmentOrderStatus::Picking,
                FulfilmentOrderStatus::Picked,
                FulfilmentOrderStatus::Checked,
                FulfilmentOrderStatus::Packed,
            ]
            .map(Into::into)
            .to_vec(),
            ..ListWorkRequest::default()
        };
        Ok(
            again(|| async { Ok(self.client.fulfilment()?.list_work(request.clone()).await?) })
                .await?
                .work,
        )
    }

    /// Everything that the warehouse and the carrier do. A fulfilment order that was stopped meanwhile is left.
    async fn fulfil(&self, work: &FulfilmentOrder) -> Result<(), Fault> {
        let id = &work.fulfilment_order_id;
        let named = |step: &str| header(format!("demo-{step}-{id}"));
        let start = StartPickingRequest {
            header: named("start"),
            fulfilment_order_id: id.clone(),
            worker: "demo".to_owned(),
            take_over: false,
        };
        let started = again(|| async {
            Ok(self
                .client
                .fulfilment()?
                .start_picking(start.clone())
                .await?)
        })
        .await;
        refusal_is_fine(started)?;
        for line in still_to_pick(work) {
            let pick = RecordPickRequest {
                header: named(&format!("pick-{}", line.line_id)),
                fulfilment_order_id: id.clone(),
                line_id: line.line_id,
                quantity: line.quantity,
                ..RecordPickRequest::default()
            };
            let picked =
                again(|| async { Ok(self.client.fulfilment()?.record_pick(pick.clone()).await?) })
                    .await;
            if refusal_is_fine(picked)?.is_none() {
                return Ok(());
            }
        }
        let check = RecordCheckRequest {
            header: named("check"),
            fulfilment_order_id: id.clone(),
            lines: vec![],
        };
        let checked = again(|| async {
            Ok(self
                .client
                .fulfilment()?
                .record_check(check.clone())
                .await?)
        })
        .await;
        refusal_is_fine(checked)?;
        let pack = PackRequest {
            header: named("pack"),
            fulfilment_order_id: id.clone(),
            parcels: vec![],
        };
        let packed =
            again(|| async { Ok(self.client.fulfilment()?.pack(pack.clone()).await?) }).await;
        refusal_is_fine(packed)?;
        let dispatch = DispatchRequest {
            header: named("dispatch"),
            fulfilment_order_id: id.clone(),
            parcel_ids: vec![],
            carrier: "ROYALMAIL".to_owned(),
            tracking_number: format!("RM{id}GB"),
        };
        let left =
            again(|| async { Ok(self.client.fulfilment()?.dispatch(dispatch.clone()).await?) })
                .await;
        let Some(left) = refusal_is_fine(left)? else {
            return Ok(());
        };
        for parcel_id in left.parcel_ids {
            self.bring(parcel_id).await?;
        }
        Ok(())
    }

    async fn bring(&self, parcel_id: String) -> Result<(), Fault> {
        let scan = |status: TrackingStatus, scan_id: &str, seconds: i64| TrackingScan {
            status: status.into(),
            occurred_at: Some(prost_types::Timestamp { seconds, nanos: 0 }),
            scan_id: scan_id.to_owned(),
            ..TrackingScan::default()
        };
        let request = RecordTrackingRequest {
            header: header(format!("demo-track-{parcel_id}")),
            parcel: Some(record_tracking_request::Parcel::ParcelId(parcel_id)),
            scans: vec![
                scan(TrackingStatus::InTransit, "1", self.started),
                scan(TrackingStatus::Delivered, "2", self.started + 1),
            ],
        };
        again(|| async {
            Ok(self
                .client
                .fulfilment()?
                .record_tracking(request.clone())
                .await?)
        })
        .await?;
        Ok(())
    }

    /// Opens a case for what comes back; `None` while aftersales does not know of the delivery yet, or nothing is left to return.
    async fn send_back(
        &self,
        order: &retail::Order,
        seen: &Order,
    ) -> Result<Option<String>, Fault> {
        let lines = quantities(&order.returned)
            .into_iter()
            .map(|line| CaseLine {
                quantity: line.quantity.min(delivered(seen, &line.line_id)),
                line_id: line.line_id,
                reason: "CHANGED_MIND".to_owned(),
                ..CaseLine::default()
            });
        let open = OpenCaseRequest {
            header: header(format!("demo-return-{}", order.number)),
            order_id: seen.order_id.clone(),
            kind: CaseKind::Return.into(),
            lines: lines.filter(|line| line.quantity > 0).collect(),
            approve: true,
            ..OpenCaseRequest::default()
        };
        let opened =
            again(|| async { Ok(self.client.aftersales()?.open_case(open.clone()).await?) }).await;
        let Some(opened) = refusal_is_fine(opened)? else {
            return Ok(None);
        };
        let case_id = opened.case_id;
        let parcel = RecordReturnParcelRequest {
            header: header(format!("demo-return-parcel-{}", order.number)),
            case_id: case_id.clone(),
            carrier: "ROYALMAIL".to_owned(),
            tracking_number: format!("RR{}GB", order.number),
        };
        again(|| async {
            Ok(self
                .client
                .aftersales()?
                .record_return_parcel(parcel.clone())
                .await?)
        })
        .await?;
        let receipt = RecordReceiptRequest {
            header: header(format!("demo-receipt-{}", order.number)),
            case_id: case_id.clone(),
            ..RecordReceiptRequest::default()
        };
        again(|| async {
            Ok(self
                .client
                .aftersales()?
                .record_receipt(receipt.clone())
                .await?)
        })
        .await?;
        Ok(Some(case_id))
    }

    async fn is_closed(&self, case_id: &str) -> Result<bool, Fault> {
        let request = GetCaseRequest {
            case_id: case_id.to_owned(),
            at_least: None,
        };
        let answer =
            again(|| async { Ok(self.client.aftersales()?.get_case(request.clone()).await?) })
                .await;
        // The read model may not have seen it yet.
        let case = refusal_is_fine(answer)?
            .and_then(|answer| answer.case)
            .unwrap_or_default();
        Ok(case.status() == CaseStatus::Closed)
    }
}

enum Stage {
    Held,
    UnderWay,
    Delivered,
    Cancelled,
}

fn stage(order: &Order) -> Stage {
    match order.status() {
        OrderStatus::Cancelled | OrderStatus::Rejected => return Stage::Cancelled,
        OrderStatus::Received if !order.holds.is_empty() => return Stage::Held,
        _ => {}
    }
    if !order.holds.is_empty() {
        return Stage::Held;
    }
    if is_delivered(order) {
        Stage::Delivered
    } else {
        Stage::UnderWay
    }
}

/// Whether everything that is still wanted came into the customer's hands.
pub fn is_delivered(order: &Order) -> bool {
    order.lines.iter().all(|view| {
        let at = view.quantities.unwrap_or_default();
        at.delivered == at.ordered - at.cancelled
    })
}

fn delivered(order: &Order, line_id: &str) -> i64 {
    let of_line = |view: &&ordo_proto::intake::OrderLineView| {
        view.line
            .as_ref()
            .is_some_and(|line| line.line_id == line_id)
    };
    order
        .lines
        .iter()
        .find(of_line)
        .and_then(|view| view.quantities)
        .map_or(0, |at| at.delivered)
}

/// Lines are numbered from 1 in the order in which they were pushed.
fn quantities(by_index: &std::collections::BTreeMap<usize, i64>) -> Vec<LineQuantity> {
    by_index
        .iter()
        .map(|(index, quantity)| LineQuantity {
            line_id: (index + 1).to_string(),
            quantity: *quantity,
        })
        .collect()
}

/// A service that is away or overloaded is asked again; every command carries an id, so that nothing is done twice.
async fn again<T, F, R>(mut call: F) -> Result<T, Fault>
where
    F: FnMut() -> R,
    R: Future<Output = Result<tonic::Response<T>, CallError>>,
{
    let end = Instant::now() + PATIENCE;
    loop {
        match call().await {
            Ok(answer) => return Ok(answer.into_inner()),
            Err(CallError::Status(status)) if passes(&status) && Instant::now() < end => {
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
            Err(CallError::Status(status)) => return Err(Fault::from(*status)),
            Err(CallError::Fault(fault)) => return Err(fault),
        }
    }
}

fn passes(status: &Status) -> bool {
    matches!(
        status.code(),
        Code::Unavailable
            | Code::Aborted
            | Code::DeadlineExceeded
            | Code::ResourceExhausted
            | Code::Cancelled
            | Code::Unknown
    )
}

/// What a call failed with, before it is known whether to ask again.
enum CallError {
    Status(Box<Status>),
    Fault(Fault),
}

impl From<Status> for CallError {
    fn from(status: Status) -> Self {
        Self::Status(Box::new(status))
    }
}

impl From<Fault> for CallError {
    fn from(fault: Fault) -> Self {
        Self::Fault(fault)
    }
}

/// A step that another step overtook (stopped by a cancellation, not yet heard of) is no fault: the next look decides.
fn refusal_is_fine<T>(answer: Result<T, Fault>) -> Result<Option<T>, Fault> {
    match answer {
        Ok(answer) => Ok(Some(answer)),
        Err(Fault::Refused(status))
            if matches!(status.code(), Code::FailedPrecondition | Code::NotFound) =>
        {
            Ok(None)
        }
        Err(fault) => Err(fault),
    }
}
