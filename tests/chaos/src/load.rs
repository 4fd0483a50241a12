//! Shops' everyday business: orders placed, paid, cancelled, picked, dispatched, delivered and returned, whatever goes wrong.

use std::{
    collections::VecDeque,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use ordo_event_log::TenantId;
use ordo_proto::{
    aftersales::{
        CaseKind, CaseLine, OpenCaseRequest, OpenCaseResponse, RecordReceiptRequest,
        RecordReceiptResponse,
    },
    fulfilment::{
        DispatchRequest, DispatchResponse, FulfilmentOrder, FulfilmentOrderStatus, ListWorkRequest,
        PackRequest, PackResponse, RecordCheckRequest, RecordCheckResponse, RecordPickRequest,
        RecordPickResponse, RecordTrackingRequest, RecordTrackingResponse, StartPickingRequest,
        StartPickingResponse, TrackingScan, TrackingStatus, record_tracking_request,
    },
    intake::{
        CancelOrderRequest, CancelOrderResponse, PlaceOrderResponse, RecordPaymentRequest,
        RecordPaymentResponse,
    },
    inventory::{
        PutSiteRequest, PutSiteResponse, PutSkuRequest, PutSkuResponse, ReceiveStockLine,
        ReceiveStockRequest, ReceiveStockResponse, SiteKind, StockCondition,
    },
    types::Receipt,
};
use ordo_rpc::{Call, Remote};
use ordo_scenarios::{
    TENANT, named,
    orders::{order, pence},
};
use rand::{RngExt as _, SeedableRng as _, rngs::StdRng};
use tokio::sync::RwLock;
use tokio::task::JoinSet;
use tonic::{Code, Response, Status};

use crate::{error::ChaosError, history::History};

/// Articles; the last one is always short.
const SKUS: [&str; 3] = ["TEA", "CUP", "RARE"];
/// Clients at once.
const CLIENTS: u64 = 4;
/// Between two calls of a client: the campaign shall find faults, not heat the room.
const PAUSE: Duration = Duration::from_millis(15);

/// Between two tries of the same call.
const BEFORE_ASKING_AGAIN: Duration = Duration::from_millis(60);

/// An answer that says where it is in the log.
trait Answered {
    fn receipt(&self) -> Option<&Receipt>;
}

macro_rules! answered {
    ($($answer:ty),+ $(,)?) => {
        $(impl Answered for $answer {
            fn receipt(&self) -> Option<&Receipt> {
                self.receipt.as_ref()
            }
        })+
    };
}

answered!(
    PlaceOrderResponse,
    RecordPaymentResponse,
    CancelOrderResponse,
    PutSiteResponse,
    PutSkuResponse,
    ReceiveStockResponse,
    StartPickingResponse,
    RecordPickResponse,
    RecordCheckResponse,
    PackResponse,
    DispatchResponse,
    RecordTrackingResponse,
    OpenCaseResponse,
    RecordReceiptResponse,
);

/// What clients share.
#[derive(Debug)]
pub struct Shop {
    /// Through the proxies.
    pub remote: Remote,
    /// What they were told.
    pub history: History,
    /// Held for reading by every call, for writing while the cluster is checked.
    pub gate: RwLock<()>,
    /// Orders that were acknowledged.
    pub orders: AtomicU64,
}

impl Shop {
    /// A shop that nobody visited yet.
    pub fn new(remote: Remote) -> Self {
        Self {
            remote,
            history: History::default(),
            gate: RwLock::new(()),
            orders: AtomicU64::new(0),
        }
    }

    /// Defines the site and the articles and receives stock; nothing goes wrong yet.
    pub async fn stock_up(&self) -> Result<(), ChaosError> {
        let call = call();
        let site = PutSiteRequest {
            header: named("site"),
            site_id: "main".to_owned(),
            name: "main".to_owned(),
            kind: SiteKind::Warehouse.into(),
            ..PutSiteRequest::default()
        };
        let patience = Duration::from_secs(60);
        let made = self
            .ask("site", "inventory", "put site", patience, || async {
                self.remote.inventory(&call)?.put_site(site.clone()).await
            })
            .await;
        made.ok_or_else(|| ChaosError::Failed("the site was not made".to_owned()))?;
        for sku in SKUS {
            let id = format!("sku-{sku}");
            let article = PutSkuRequest {
                header: named(&id),
                sku: sku.to_owned(),
                name: sku.to_owned(),
                price: Some(pence(1000)),
                ..PutSkuRequest::default()
            };
            let made = self
                .ask(&id, "inventory", "put sku", patience, || async {
                    self.remote.inventory(&call)?.put_sku(article.clone()).await
                })
                .await;
            made.ok_or_else(|| ChaosError::Failed("an article was not made".to_owned()))?;
            let units = if sku == "RARE" { 10 } else { 100_000 };
            self.receive(&format!("first-{sku}"), sku, units, patience)
                .await;
        }
        Ok(())
    }

    /// Starts the clients; they work until they are dropped.
    pub fn open(self: &Arc<Self>, seed: u64) -> JoinSet<()> {
        let mut clients = JoinSet::new();
        for number in 0..CLIENTS {
            let client = Client {
                shop: Arc::clone(self),
                number,
                random: StdRng::seed_from_u64(seed ^ (number << 32)),
                waiting: VecDeque::new(),
                placed: 0,
                delivered: 0,
            };
            clients.spawn(client.work());
        }
        clients
    }

    async fn receive(&self, id: &str, sku: &str, units: i64, patience: Duration) {
        let call = call();
        let delivery = ReceiveStockRequest {
            header: named(id),
            site_id: "main".to_owned(),
            lines: vec![ReceiveStockLine {
                sku: sku.to_owned(),
                quantity: units,
                condition: StockCondition::Sellable.into(),
                ..ReceiveStockLine::default()
            }],
            cause_id: id.to_owned(),
        };
        self.ask(id, "inventory", "receive", patience, || async {
            let mut inventory = self.remote.inventory(&call)?;
            inventory.receive_stock(delivery.clone()).await
        })
        .await;
    }

    /// Asks until there is an answer that says something, or `patience` ends. Everything goes into the history.
    async fn ask<T, F, R>(
        &self,
        command_id: &str,
        service: &'static str,
        what: &'static str,
        patience: Duration,
        ask: F,
    ) -> Option<T>
    where
        T: Answered,
        F: Fn() -> R,
        R: Future<Output = Result<Response<T>, Status>>,
    {
        let end = Instant::now() + patience;
        loop {
            let open = self.gate.read().await;
            self.history.begin(command_id, service, what);
            let answer = ask().await;
            match answer {
                Ok(answer) => {
                    let answer = answer.into_inner();
                    self.history
                        .acknowledged(command_id, answer.receipt().unwrap_or(&Receipt::default()));
                    return Some(answer);
                }
                Err(status) if says_no(&status) => {
                    self.history.refused(command_id);
                    return None;
                }
                Err(_) => self.history.unknown(command_id),
            }
            drop(open);
            if Instant::now() > end {
                return None;
            }
            tokio::time::sleep(BEFORE_ASKING_AGAIN).await; // Not a wait: the manners of a client.
        }
    }
}

/// A refusal by a rule, as opposed to an answer after which the command may or may not have happened.
fn says_no(status: &Status) -> bool {
    matches!(
        status.code(),
        Code::InvalidArgument
            | Code::NotFound
            | Code::AlreadyExists
            | Code::FailedPrecondition
            | Code::PermissionDenied
            | Code::OutOfRange
    )
}

fn call() -> Call {
    TenantId::new(TENANT)
        .map(|tenant| Call::new(&tenant).timeout(Duration::from_secs(3)))
        .unwrap_or_default()
}

async fn pause() {
    tokio::time::sleep(PAUSE).await; // Not a wait: the pace of a client.
}

/// An order of which something is still to be done.
#[derive(Debug)]
struct Waiting {
    order_id: String,
    number: String,
    step: Step,
    looks: u32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    Fulfil,
    Return,
    Receive,
}

/// One client: channel, warehouse and customer in turn.
struct Client {
    shop: Arc<Shop>,
    number: u64,
    random: StdRng,
    waiting: VecDeque<Waiting>,
    placed: u64,
    delivered: u64,
}

impl Client {
    async fn work(mut self) {
        loop {
            pause().await;
            if self.waiting.len() < 4 || self.random.random_bool(0.3) {
                self.place().await;
            }
            if let Some(next) = self.waiting.pop_front()
                && let Some(again) = self.go_on(next).await
            {
                self.waiting.push_back(again);
            }
            if self.random.random_bool(0.05) {
                self.delivered += 1;
                let id = format!("delivery-{}-{}", self.number, self.delivered);
                let (sku, patience) = (SKUS[self.random.random_range(0..3)], self.patience());
                self.shop.receive(&id, sku, 3, patience).await;
            }
        }
    }

    /// Some clients give up at once, most insist.
    fn patience(&mut self) -> Duration {
        if self.random.random_bool(0.3) {
            Duration::ZERO
        } else {
            Duration::from_secs(10)
        }
    }

    async fn place(&mut self) {
        self.placed += 1;
        let number = format!("{}-{}", self.number, self.placed);
        let sku = match self.random.random_range(0..10) {
            0 => "RARE",
            1..4 => "CUP",
            _ => "TEA",
        };
        let mut request = order(&number, &[(sku, self.random.random_range(1..4))]);
        request.channel_customer_id = format!("customer-{}", self.random.random_range(0..9));
        request.header = None;
        let payments = std::mem::take(&mut request.payments);
        let paid = self.random.random_bool(0.5);
        if paid {
            request.payments.clone_from(&payments);
        }
        let id = format!("place:web:{number}");
        let (shop, call, patience) = (Arc::clone(&self.shop), call(), self.patience());
        let placed = shop
            .ask(&id, "intake", "place", patience, || async {
                shop.remote
                    .intake(&call)?
                    .place_order(request.clone())
                    .await
            })
            .await;
        let Some(placed) = placed else { return };
        shop.orders.fetch_add(1, Ordering::Relaxed);
        if !paid {
            let id = format!("pay-{number}");
            let request = RecordPaymentRequest {
                header: named(&id),
                order_id: placed.order_id.clone(),
                payment: payments.into_iter().next(),
            };
            let patience = self.patience();
            shop.ask(&id, "intake", "pay", patience, || async {
                let mut intake = shop.remote.intake(&call)?;
                intake.record_payment(request.clone()).await
            })
            .await;
        }
        if self.random.random_bool(0.15) {
            let id = format!("cancel-{number}");
            let request = CancelOrderRequest {
                header: named(&id),
                order_id: placed.order_id,
                lines: vec![],
            };
            let patience = self.patience();
            shop.ask(&id, "intake", "cancel", patience, || async {
                let mut intake = shop.remote.intake(&call)?;
                intake.cancel_order(request.clone()).await
            })
            .await;
            return;
        }
        self.waiting.push_back(Waiting {
            order_id: placed.order_id,
            number,
            step: Step::Fulfil,
            looks: 0,
        });
    }

    /// Does what can be done for an order; gives it back when there is more to do later.
    async fn go_on(&mut self, mut order: Waiting) -> Option<Waiting> {
        order.looks += 1;
        if order.looks > 200 {
            return None;
        }
        match order.step {
            Step::Fulfil => {
                let shop = Arc::clone(&self.shop);
                let request = ListWorkRequest {
                    order_id: order.order_id.clone(),
                    ..ListWorkRequest::default()
                };
                let work = {
                    let _open = shop.gate.read().await;
                    let listed = shop.remote.fulfilment(&call()).ok()?;
                    { listed }.list_work(request).await
                };
                let Ok(work) = work else { return Some(order) };
                let work = work.into_inner().work.into_iter().next();
                let Some(work) = work else { return Some(order) };
                if work.status() == FulfilmentOrderStatus::Open {
                    self.fulfil(&work).await?;
                }
                order.step = Step::Return;
                order.looks = 0;
                self.random.random_bool(0.4).then_some(order)
            }
            Step::Return => self.open_case(order).await,
            Step::Receive => {
                self.receive_return(&order).await;
                None
            }
        }
    }

    async fn fulfil(&mut self, work: &FulfilmentOrder) -> Option<()> {
        let (shop, call) = (Arc::clone(&self.shop), call());
        let fulfilment_order_id = work.fulfilment_order_id.clone();
        let id = format!("start-{fulfilment_order_id}");
        let request = StartPickingRequest {
            header: named(&id),
            fulfilment_order_id: fulfilment_order_id.clone(),
            worker: "picker-1".to_owned(),
            ..StartPickingRequest::default()
        };
        let patience = self.patience();
        shop.ask(&id, "fulfilment", "start picking", patience, || async {
            let mut fulfilment = shop.remote.fulfilment(&call)?;
            fulfilment.start_picking(request.clone()).await
        })
        .await?;
        for view in &work.lines {
            let line = view.line.clone().unwrap_or_default();
            let id = format!("pick-{fulfilment_order_id}-{}", line.line_id);
            let request = RecordPickRequest {
                header: named(&id),
                fulfilment_order_id: fulfilment_order_id.clone(),
                line_id: line.line_id,
                quantity: line.quantity,
                ..RecordPickRequest::default()
            };
            let patience = self.patience();
            shop.ask(&id, "fulfilment", "pick", patience, || async {
                let mut fulfilment = shop.remote.fulfilment(&call)?;
                fulfilment.record_pick(request.clone()).await
            })
            .await?;
        }
        let id = format!("check-{fulfilment_order_id}");
        let request = RecordCheckRequest {
            header: named(&id),
            fulfilment_order_id: fulfilment_order_id.clone(),
            lines: vec![],
        };
        let patience = self.patience();
        shop.ask(&id, "fulfilment", "check", patience, || async {
            let mut fulfilment = shop.remote.fulfilment(&call)?;
            fulfilment.record_check(request.clone()).await
        })
        .await?;
        let id = format!("pack-{fulfilment_order_id}");
        let request = PackRequest {
            header: named(&id),
            fulfilment_order_id: fulfilment_order_id.clone(),
            parcels: vec![],
        };
        let patience = self.patience();
        shop.ask(&id, "fulfilment", "pack", patience, || async {
            let mut fulfilment = shop.remote.fulfilment(&call)?;
            fulfilment.pack(request.clone()).await
        })
        .await?;
        let id = format!("dispatch-{fulfilment_order_id}");
        let request = DispatchRequest {
            header: named(&id),
            fulfilment_order_id: fulfilment_order_id.clone(),
            parcel_ids: vec![],
            carrier: "ROYALMAIL".to_owned(),
            tracking_number: format!("RM{fulfilment_order_id}GB"),
        };
        let patience = self.patience();
        let parcels = shop
            .ask(&id, "fulfilment", "dispatch", patience, || async {
                let mut fulfilment = shop.remote.fulfilment(&call)?;
                fulfilment.dispatch(request.clone()).await
            })
            .await?;
        for parcel_id in parcels.parcel_ids {
            let id = format!("deliver-{parcel_id}");
            let request = RecordTrackingRequest {
                header: named(&id),
                parcel: Some(record_tracking_request::Parcel::ParcelId(parcel_id)),
                scans: vec![TrackingScan {
                    status: TrackingStatus::Delivered.into(),
                    occurred_at: Some(std::time::SystemTime::now().into()),
                    scan_id: "delivered".to_owned(),
                    ..TrackingScan::default()
                }],
            };
            let patience = self.patience();
            shop.ask(&id, "fulfilment", "track", patience, || async {
                let mut fulfilment = shop.remote.fulfilment(&call)?;
                fulfilment.record_tracking(request.clone()).await
            })
            .await?;
        }
        Some(())
    }

    async fn open_case(&mut self, mut order: Waiting) -> Option<Waiting> {
        let (shop, call) = (Arc::clone(&self.shop), call());
        // A refusal leaves nothing behind, but its id is spent in the history.
        let id = format!("case-{}-{}", order.number, order.looks);
        let request = OpenCaseRequest {
            header: named(&id),
            order_id: order.order_id.clone(),
            kind: CaseKind::Return.into(),
            lines: vec![CaseLine {
                line_id: "1".to_owned(),
                quantity: 1,
                reason: "CHANGED_MIND".to_owned(),
                ..CaseLine::default()
            }],
            approve: true,
            ..OpenCaseRequest::default()
        };
        let patience = self.patience();
        let opened = shop
            .ask(&id, "aftersales", "open case", patience, || async {
                let mut aftersales = shop.remote.aftersales(&call)?;
                aftersales.open_case(request.clone()).await
            })
            .await;
        match opened {
            Some(case) => {
                order.order_id = case.case_id;
                order.step = Step::Receive;
                Some(order)
            }
            // The delivery has not come to be known yet.
            None => (order.looks < 20).then_some(order),
        }
    }

    async fn receive_return(&mut self, case: &Waiting) {
        let (shop, call) = (Arc::clone(&self.shop), call());
        let id = format!("receive-{}", case.order_id);
        let request = RecordReceiptRequest {
            header: named(&id),
            case_id: case.order_id.clone(),
            ..RecordReceiptRequest::default()
        };
        let patience = self.patience();
        shop.ask(&id, "aftersales", "receive return", patience, || async {
            let mut aftersales = shop.remote.aftersales(&call)?;
            aftersales.record_receipt(request.clone()).await
        })
        .await;
    }
}
