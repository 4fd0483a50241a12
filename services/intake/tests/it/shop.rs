//! Intake as a running service, between neighbours that do as they are told.

use std::{net::TcpListener, sync::Arc, time::Duration};

use ordo_event_log::{EventLog, TenantId};
use ordo_intake::config::ShopRules;
use ordo_proto::{
    fulfilment::{self, WorkLine, fulfilment_server::FulfilmentServer},
    intake::{
        GetOrderRequest, GetTimelineRequest, Order, PlaceOrderRequest, PlaceOrderResponse,
        get_order_request::Key, intake_client::IntakeClient,
    },
    inventory::{
        self, ReservationAllocation, ReservationShortage, inventory_server::InventoryServer,
    },
    ops::{VerifyRequest, VerifyResponse, operations_client::OperationsClient},
    privacy::key_store_client::KeyStoreClient,
    types::LineQuantity,
};
use ordo_rpc::{Grant, MethodRoles, TokenIssuer, role};
use ordo_runtime::{CancellationToken, Host, ServiceConfig};
use ordo_testkit::{TestStore, eventually};
use tempfile::TempDir;
use tokio::task::JoinHandle;
use tonic::{
    Request, Status,
    metadata::{Ascii, MetadataValue},
    service::{Routes, interceptor::InterceptedService},
    transport::Channel,
};

use crate::{
    facts::{self, FulfilmentOrder, Reservation},
    neighbours::Neighbour,
};

pub const PATIENCE: Duration = Duration::from_secs(30);

pub type Signed = InterceptedService<Channel, SignIn>;
pub type Desk = IntakeClient<Signed>;

/// Everything that a test of the whole service needs.
pub struct Shop {
    pub tenant: TenantId,
    pub inventory: Neighbour,
    pub fulfilment: Neighbour,
    pub inventory_log: EventLog,
    pub fulfilment_log: EventLog,
    pub aftersales_log: EventLog,
    /// Where everybody keeps their databases.
    pub store: TestStore,
    issuer: TokenIssuer,
    listeners: Listeners,
    _keys: TempDir,
    _services: Vec<Service>,
}

type Listeners = [Arc<TcpListener>; 4];

struct Service {
    shutdown: CancellationToken,
    _task: JoinHandle<()>,
}

impl Drop for Service {
    fn drop(&mut self) {
        self.shutdown.cancel();
    }
}

impl Shop {
    pub async fn open() -> Self {
        Self::open_with(ordo_testkit::sqlite().unwrap(), ShopRules::default()).await
    }

    pub async fn open_with(store: TestStore, rules: ShopRules) -> Self {
        let issuer = TokenIssuer::generate();
        let keys = tempfile::tempdir().unwrap();
        std::fs::write(
            keys.path().join("key.pem"),
            issuer.private_pem().unwrap().as_str(),
        )
        .unwrap();
        std::fs::write(keys.path().join("master.key"), "07".repeat(32)).unwrap();
        let listen = || Arc::new(TcpListener::bind("127.0.0.1:0").unwrap());
        let listeners = [listen(), listen(), listen(), listen()];
        let config = |index| config(&keys, &store.url, &listeners, index);
        let (inventory, fulfilment) = (Neighbour::default(), Neighbour::default());

        let host = Host::start("inventory", config(1)).await.unwrap();
        let inventory_log = host.log();
        let stock = serve(
            host,
            &[
                ("/ordo.inventory.v1.Inventory/Reserve", SERVICES),
                ("/ordo.inventory.v1.Inventory/ReleaseReservation", SERVICES),
            ],
            Routes::new(InventoryServer::new(inventory.clone())),
        );
        let host = Host::start("fulfilment", config(2)).await.unwrap();
        let fulfilment_log = host.log();
        let warehouse = serve(
            host,
            &[("/ordo.fulfilment.v1.Fulfilment/CancelFulfilment", SERVICES)],
            Routes::new(FulfilmentServer::new(fulfilment.clone())),
        );
        let host = Host::start("aftersales", config(3)).await.unwrap();
        let aftersales_log = host.log();
        let desk = serve(host, &[], Routes::default());
        let shutdown = CancellationToken::new();
        let run = ordo_intake::run(config(0), rules, shutdown.clone());
        let intake = Service {
            shutdown,
            _task: tokio::spawn(async move { run.await.unwrap() }),
        };
        let shop = Self {
            tenant: TenantId::new("shop-1").unwrap(),
            inventory,
            fulfilment,
            inventory_log,
            fulfilment_log,
            aftersales_log,
            store,
            issuer,
            listeners,
            _keys: keys,
            _services: vec![intake, stock, warehouse, desk],
        };
        let probe = shop.desk(&[role::VIEWER]);
        eventually(PATIENCE, async || {
            let request = GetTimelineRequest {
                order_id: "probe".into(),
                at_least: None,
            };
            let answer = probe.clone().get_timeline(request).await;
            answer.is_err_and(|status| status.code() == tonic::Code::NotFound)
        })
        .await;
        shop
    }

    /// A client with a token of these roles.
    pub fn desk(&self, roles: &[&str]) -> Desk {
        self.desk_of(&self.tenant, roles)
    }

    pub fn desk_of(&self, tenant: &TenantId, roles: &[&str]) -> Desk {
        IntakeClient::with_interceptor(self.channel(), self.sign_in(Some(tenant), roles))
    }

    pub fn clerk(&self) -> Desk {
        self.desk(&[role::ADMIN, role::SERVICE])
    }

    pub fn key_store(&self, roles: &[&str]) -> KeyStoreClient<Signed> {
        KeyStoreClient::with_interceptor(self.channel(), self.sign_in(Some(&self.tenant), roles))
    }

    /// What `verify` says of every check.
    pub async fn verify(&self) -> Vec<VerifyResponse> {
        let sign_in = self.sign_in(None, &[role::ADMIN]);
        let mut operations = OperationsClient::with_interceptor(self.channel(), sign_in);
        let stream = operations.verify(VerifyRequest::default()).await.unwrap();
        let mut stream = stream.into_inner();
        let mut answers = Vec::new();
        while let Some(answer) = stream.message().await.unwrap() {
            answers.push(answer);
        }
        answers
    }

    /// Every check passes.
    pub async fn is_sound(&self) {
        let answers = self.verify().await;
        let failed: Vec<_> = answers.iter().filter(|answer| !answer.ok).collect();
        assert!(failed.is_empty(), "{failed:?}");
        for check in [
            "orders.payments",
            "orders.units",
            "orders.live",
            "projection.order_list",
        ] {
            assert!(
                answers.iter().any(|answer| answer.check == check),
                "{check} was not run"
            );
        }
    }

    fn channel(&self) -> Channel {
        Channel::from_shared(url(&self.listeners[0]))
            .unwrap()
            .connect_lazy()
    }

    fn sign_in(&self, tenant: Option<&TenantId>, roles: &[&str]) -> SignIn {
        let token = self
            .issuer
            .mint(&Grant::new("alice", tenant, roles))
            .unwrap();
        SignIn(format!("Bearer {token}").parse().unwrap())
    }

    pub async fn place(&self, request: PlaceOrderRequest) -> PlaceOrderResponse {
        self.clerk()
            .place_order(request)
            .await
            .unwrap()
            .into_inner()
    }

    pub async fn order(&self, order_id: &str) -> Order {
        order_as(&self.clerk(), order_id).await
    }

    /// The order once `expected` holds of it.
    pub async fn order_when(&self, order_id: &str, expected: impl Fn(&Order) -> bool) -> Order {
        eventually(PATIENCE, async || expected(&self.order(order_id).await)).await;
        self.order(order_id).await
    }

    /// Short names of the order's events.
    pub async fn story(&self, order_id: &str) -> Vec<String> {
        let request = GetTimelineRequest {
            order_id: order_id.into(),
            at_least: None,
        };
        let timeline = self
            .clerk()
            .get_timeline(request)
            .await
            .unwrap()
            .into_inner();
        timeline
            .entries
            .into_iter()
            .map(|entry| entry.event)
            .collect()
    }

    /// Inventory reserves lines at the site `HZ`.
    pub async fn allocate(&self, order_id: &str, attempt: u32, lines: &[(&str, &str, i64)]) {
        let allocations = lines
            .iter()
            .map(|(line_id, sku, quantity)| ReservationAllocation {
                line_id: (*line_id).into(),
                sku: (*sku).into(),
                site_id: "HZ".into(),
                quantity: *quantity,
            });
        let told = inventory::ReservationAllocated {
            reservation_id: order_id.into(),
            attempt,
            allocations: allocations.collect(),
            why: "nearest".into(),
        };
        facts::tell::<Reservation>(&self.inventory_log, &self.tenant, order_id, told).await;
    }

    /// Inventory is short of lines, and waits for stock or not.
    pub async fn lack(
        &self,
        order_id: &str,
        attempt: u32,
        waiting: bool,
        missing: Vec<ReservationShortage>,
    ) {
        let told = inventory::ReservationShort {
            reservation_id: order_id.into(),
            attempt,
            shortages: missing,
            waiting,
        };
        facts::tell::<Reservation>(&self.inventory_log, &self.tenant, order_id, told).await;
    }

    /// An order whose goods are with the warehouse.
    pub async fn released(&self, number: &str) -> String {
        let order_id = self.place(crate::requests::order(number)).await.order_id;
        self.allocate(&order_id, 1, &[("1", "A", 2), ("2", "B", 1)])
            .await;
        self.order_when(&order_id, |order| {
            order.fulfilment_status() == ordo_proto::intake::FulfilmentStatus::Released
        })
        .await;
        order_id
    }

    /// The warehouse sends a parcel.
    pub async fn dispatch(&self, order_id: &str, lines: &[LineQuantity]) {
        let told = fulfilment::ParcelDispatched {
            fulfilment_order_id: format!("{order_id}-F1"),
            order_id: order_id.into(),
            site_id: "HZ".into(),
            parcel_id: format!("{order_id}-F1-P1"),
            carrier: "sf".into(),
            tracking_number: format!("SF-{order_id}"),
            lines: work(lines),
        };
        let id = format!("{order_id}-F1");
        facts::tell::<FulfilmentOrder>(&self.fulfilment_log, &self.tenant, &id, told).await;
    }

    /// The carrier delivers it.
    pub async fn deliver(&self, order_id: &str, lines: &[LineQuantity]) {
        let told = fulfilment::ParcelDelivered {
            parcel_id: format!("{order_id}-F1-P1"),
            order_id: order_id.into(),
            fulfilment_order_id: format!("{order_id}-F1"),
            lines: work(lines),
            delivered_at: None,
        };
        let id = format!("{order_id}-F1");
        facts::tell::<FulfilmentOrder>(&self.fulfilment_log, &self.tenant, &id, told).await;
    }
}

pub fn work(lines: &[LineQuantity]) -> Vec<WorkLine> {
    let line = |line: &LineQuantity| WorkLine {
        line_id: line.line_id.clone(),
        quantity: line.quantity,
        ..WorkLine::default()
    };
    lines.iter().map(line).collect()
}

pub async fn order_as(desk: &Desk, order_id: &str) -> Order {
    let request = GetOrderRequest {
        key: Some(Key::OrderId(order_id.into())),
        at_least: None,
    };
    desk.clone()
        .get_order(request)
        .await
        .unwrap()
        .into_inner()
        .order
        .unwrap()
}

/// `ErrorInfo.reason` of a refusal.
pub fn reason<T: std::fmt::Debug>(answer: Result<T, Status>) -> String {
    ordo_rpc::reason_of(&answer.unwrap_err()).unwrap_or_default()
}

const SERVICES: &[&str] = &[role::SERVICE];

fn serve(host: Host, roles: &[(&'static str, &'static [&'static str])], routes: Routes) -> Service {
    let shutdown = CancellationToken::new();
    let serving = host.serve(
        MethodRoles::new(roles),
        routes,
        shutdown.clone().cancelled_owned(),
    );
    Service {
        shutdown,
        _task: tokio::spawn(async move { serving.await.unwrap() }),
    }
}

/// Index 0 is intake, 1 inventory, 2 fulfilment, 3 aftersales.
fn config(keys: &TempDir, store: &str, listeners: &Listeners, index: usize) -> ServiceConfig {
    let path = |name: &str| keys.path().join(name).display().to_string();
    let peers = listeners.each_ref().map(|listener| url(listener));
    let (key, master) = (path("key.pem"), path("master.key"));
    let mut pairs = vec![
        ("store", store),
        ("auth.signing_key_file", key.as_str()),
        ("peers.intake", peers[0].as_str()),
        ("peers.inventory", peers[1].as_str()),
        ("peers.fulfilment", peers[2].as_str()),
        ("peers.aftersales", peers[3].as_str()),
        ("shutdown_timeout", "10s"),
    ];
    if index == 0 {
        pairs.push(("keys.master_key_file", master.as_str()));
    }
    let mut config = ServiceConfig::from_pairs(pairs).unwrap();
    config.listener = Some(Arc::clone(&listeners[index]));
    config
}

fn url(listener: &TcpListener) -> String {
    format!("http://{}", listener.local_addr().unwrap())
}

/// Puts a token on every call.
#[derive(Clone)]
pub struct SignIn(MetadataValue<Ascii>);

impl tonic::service::Interceptor for SignIn {
    fn call(&mut self, mut request: Request<()>) -> Result<Request<()>, Status> {
        request
            .metadata_mut()
            .insert("authorization", self.0.clone());
        Ok(request)
    }
}
