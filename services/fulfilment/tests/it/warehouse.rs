//! Fulfilment as a running service, with everything around it.

use std::{net::TcpListener, sync::Arc, time::Duration};

use ordo_event_log::{EventLog, TenantId};
use ordo_fulfilment::{FulfilmentConfig, fulfilment_order::CheckPolicy};
use ordo_privacy::{KeyStore, MasterKeys, Vault};
use ordo_proto::{
    fulfilment::{
        FulfilmentOrder, FulfilmentOrderStatus, GetFulfilmentOrderRequest, RecordPickRequest,
        fulfilment_client::FulfilmentClient,
    },
    intake::{DeliveryMethod, FulfilmentLine, FulfilmentRequested},
    inventory::{SkuPut, inventory_server::InventoryServer},
    ops::{VerifyRequest, VerifyResponse, operations_client::OperationsClient},
    types::{Address, CommandHeader, Contact, Receipt, Region},
};
use ordo_rpc::{Grant, MethodRoles, TokenIssuer, role};
use ordo_runtime::{CancellationToken, Host, ServiceConfig};
use ordo_sql::OpenOptions;
use ordo_testkit::{TestStore, eventually};
use tempfile::TempDir;
use tokio::task::JoinHandle;
use tonic::{
    Request, Status,
    metadata::{Ascii, MetadataValue},
    service::{Routes, interceptor::InterceptedService},
    transport::Channel,
};

use crate::{inventory::Stock, neighbours::tell};

pub const PATIENCE: Duration = Duration::from_secs(60);

/// `TEA-1`'s barcode.
pub const TEA_BARCODE: &str = "4006381333931";
/// `CUP-1`'s barcode.
pub const CUP_BARCODE: &str = "036000291452";

pub type Desk = FulfilmentClient<InterceptedService<Channel, SignIn>>;

/// Everything that a test of the whole service needs.
pub struct Warehouse {
    pub tenant: TenantId,
    pub stock: Stock,
    pub vault: Vault,
    intake: EventLog,
    inventory: EventLog,
    issuer: TokenIssuer,
    keys: TempDir,
    store: String,
    listeners: [Arc<TcpListener>; 3],
    service: Option<Service>,
    _neighbours: [Service; 2],
}

struct Service {
    shutdown: CancellationToken,
    task: JoinHandle<()>,
}

impl Drop for Service {
    fn drop(&mut self) {
        self.shutdown.cancel();
    }
}

impl Warehouse {
    pub async fn open(store: &TestStore) -> Self {
        Self::open_with(store, CheckPolicy::Optional).await
    }

    pub async fn open_with(store: &TestStore, check: CheckPolicy) -> Self {
        let issuer = TokenIssuer::generate();
        let keys = tempfile::tempdir().unwrap();
        std::fs::write(
            keys.path().join("key.pem"),
            issuer.private_pem().unwrap().as_str(),
        )
        .unwrap();
        let masters = MasterKeys::read_or_create(&keys.path().join("master")).unwrap();
        let key_store = store
            .store_url()
            .open("fulfilment.keys", OpenOptions::durable())
            .await
            .unwrap();
        let vault = Vault::local(KeyStore::open(key_store, masters).await.unwrap())
            .await
            .unwrap();

        let listen = || Arc::new(TcpListener::bind("127.0.0.1:0").unwrap());
        let listeners = [listen(), listen(), listen()];
        let stock = Stock::default();
        let config = |index| config(&keys, &store.url, &listeners, index);
        let host = Host::start("intake", config(1)).await.unwrap();
        let intake = host.log();
        let intake_service = serve(host, &[], Routes::default());
        let host = Host::start("inventory", config(2)).await.unwrap();
        let inventory = host.log();
        const SERVICES: &[&str] = &[role::SERVICE];
        let inventory_service = serve(
            host,
            &[
                ("/ordo.inventory.v1.Inventory/AdjustStock", SERVICES),
                ("/ordo.inventory.v1.Inventory/ConsumeReservation", SERVICES),
                ("/ordo.inventory.v1.Inventory/GetAvailability", SERVICES),
            ],
            Routes::new(InventoryServer::new(stock.clone())),
        );
        let mut warehouse = Self {
            tenant: TenantId::new("shop-1").unwrap(),
            stock,
            vault,
            intake,
            inventory,
            issuer,
            keys,
            store: store.url.clone(),
            listeners,
            service: None,
            _neighbours: [intake_service, inventory_service],
        };
        warehouse.start(check).await;
        warehouse
    }

    /// Starts fulfilment, again after [`stop`](Self::stop).
    pub async fn start(&mut self, check: CheckPolicy) {
        let config = config(&self.keys, &self.store, &self.listeners, 0);
        let shutdown = CancellationToken::new();
        let run = ordo_fulfilment::run(config, FulfilmentConfig { check }, shutdown.clone());
        self.service = Some(Service {
            shutdown,
            task: tokio::spawn(async move { run.await.unwrap() }),
        });
        let desk = self.desk(&[role::VIEWER]);
        eventually(PATIENCE, async || {
            let probe = GetFulfilmentOrderRequest {
                fulfilment_order_id: "probe-F1".to_owned(),
                at_least: None,
            };
            let answer = desk.clone().get_fulfilment_order(probe).await;
            answer.is_err_and(|status| status.code() == tonic::Code::NotFound)
        })
        .await;
    }

    /// Ends fulfilment in order.
    pub async fn stop(&mut self) {
        if let Some(mut service) = self.service.take() {
            service.shutdown.cancel();
            (&mut service.task).await.unwrap();
        }
    }

    /// A client with a token of these roles.
    pub fn desk(&self, roles: &[&str]) -> Desk {
        self.desk_of(&self.tenant, roles)
    }

    pub fn desk_of(&self, tenant: &TenantId, roles: &[&str]) -> Desk {
        FulfilmentClient::with_interceptor(self.channel(), self.sign_in(Some(tenant), roles))
    }

    /// What `verify` says of every check.
    pub async fn verify(&self) -> Vec<VerifyResponse> {
        let sign_in = self.sign_in(None, &[role::ADMIN]);
        let mut operations = OperationsClient::with_interceptor(self.channel(), sign_in);
        let request = VerifyRequest::default();
        let mut stream = operations.verify(request).await.unwrap().into_inner();
        let mut answers = Vec::new();
        while let Some(answer) = stream.message().await.unwrap() {
            answers.push(answer);
        }
        answers
    }

    /// Expects every check to hold, and the named ones to have looked at something.
    pub async fn expect_sound(&self, names: &[&str]) {
        let answers = self.verify().await;
        let broken: Vec<_> = answers.iter().filter(|answer| !answer.ok).collect();
        assert!(broken.is_empty(), "{broken:?}");
        for name in names {
            let found = answers.iter().find(|answer| answer.check == *name);
            assert!(
                found.is_some_and(|answer| answer.examined > 0),
                "{name} of {answers:?}"
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
            .mint(&Grant::new("wang", tenant, roles))
            .unwrap();
        SignIn(format!("Bearer {token}").parse().unwrap())
    }

    /// The catalogue's two items: tea and cups.
    pub async fn stock_catalogue(&self) {
        for (sku, barcode) in [("TEA-1", TEA_BARCODE), ("CUP-1", CUP_BARCODE)] {
            let put = SkuPut {
                sku: sku.to_owned(),
                barcodes: vec![barcode.to_owned()],
                ..SkuPut::default()
            };
            tell(&self.inventory, &self.tenant, sku, put).await;
        }
    }

    /// A new order's id.
    pub fn new_order(&self) -> String {
        self.intake.new_id_in(&self.tenant, 0)
    }

    /// Intake tells something about an order.
    pub async fn intake_tells(&self, order_id: &str, told: impl Into<crate::neighbours::Told>) {
        tell(&self.intake, &self.tenant, order_id, told).await;
    }

    /// Two packets of tea and a cup for Anna, released to the site `north`.
    pub async fn released(&self, order_id: &str, n: u32) -> FulfilmentRequested {
        let contact = Contact {
            name: "Anna Example".to_owned(),
            phone: "+44 20 7946 0000".to_owned(),
            ..Contact::default()
        };
        let address = Address {
            country_code: "GB".to_owned(),
            city: "Leeds".to_owned(),
            street: "1 High Street".to_owned(),
            ..Address::default()
        };
        FulfilmentRequested {
            fulfilment_order_id: format!("{order_id}-F{n}"),
            order_id: order_id.to_owned(),
            site_id: "north".to_owned(),
            lines: vec![line("1", "TEA-1", 2), line("2", "CUP-1", 1)],
            channel: "shopify".to_owned(),
            channel_order_number: "1001".to_owned(),
            delivery_method: DeliveryMethod::Ship.into(),
            contact: Some(
                self.vault
                    .seal("shop-1", "anna", "contact", &contact)
                    .await
                    .unwrap(),
            ),
            address: Some(
                self.vault
                    .seal("shop-1", "anna", "address", &address)
                    .await
                    .unwrap(),
            ),
            region: Some(Region {
                country_code: "GB".to_owned(),
                city: "Leeds".to_owned(),
                ..Region::default()
            }),
            ..FulfilmentRequested::default()
        }
    }

    /// An order of two packets of tea and a cup as open work. Its fulfilment order's id.
    pub async fn open_order(&self) -> String {
        let order_id = self.new_order();
        let released = self.released(&order_id, 1).await;
        self.open_work(released).await
    }

    /// Releases it and waits until it is on the work list.
    pub async fn open_work(&self, released: FulfilmentRequested) -> String {
        let id = released.fulfilment_order_id.clone();
        self.intake_tells(&released.order_id.clone(), released)
            .await;
        self.when(&id, |_| true).await;
        id
    }

    /// An order all of whose units are picked.
    pub async fn picked_order(&self) -> String {
        let id = self.open_order().await;
        let mut desk = self.desk(&[role::PICKER]);
        for (line_id, quantity) in [("1", 2), ("2", 1)] {
            desk.record_pick(pick(&id, line_id, quantity))
                .await
                .unwrap();
        }
        id
    }

    /// An order that has left in one parcel with this carrier and number. Its parcel's id.
    pub async fn dispatched_order(&self, carrier: &str, tracking_number: &str) -> String {
        let id = self.picked_order().await;
        let mut desk = self.desk(&[role::PACKER]);
        let pack = ordo_proto::fulfilment::PackRequest {
            fulfilment_order_id: id.clone(),
            ..Default::default()
        };
        desk.pack(pack).await.unwrap();
        let dispatch = ordo_proto::fulfilment::DispatchRequest {
            fulfilment_order_id: id.clone(),
            carrier: carrier.to_owned(),
            tracking_number: tracking_number.to_owned(),
            ..Default::default()
        };
        desk.dispatch(dispatch).await.unwrap();
        format!("{id}-P1")
    }

    /// The fulfilment order, as a packer sees it, once `expected` holds of it.
    pub async fn when(
        &self,
        id: &str,
        expected: impl Fn(&FulfilmentOrder) -> bool,
    ) -> FulfilmentOrder {
        let desk = self.desk(&[role::PACKER]);
        let ask = async || {
            let request = GetFulfilmentOrderRequest {
                fulfilment_order_id: id.to_owned(),
                at_least: None,
            };
            let answer = desk.clone().get_fulfilment_order(request).await;
            answer
                .ok()
                .and_then(|answer| answer.into_inner().fulfilment_order)
        };
        eventually(PATIENCE, async || {
            ask().await.is_some_and(|order| expected(&order))
        })
        .await;
        ask().await.unwrap()
    }

    /// The fulfilment order once it has this status.
    pub async fn when_status(&self, id: &str, status: FulfilmentOrderStatus) -> FulfilmentOrder {
        self.when(id, |order| order.status() == status).await
    }
}

pub fn line(line_id: &str, sku: &str, quantity: i64) -> FulfilmentLine {
    FulfilmentLine {
        line_id: line_id.to_owned(),
        sku: sku.to_owned(),
        title: sku.to_lowercase(),
        quantity,
    }
}

pub fn pick(id: &str, line_id: &str, quantity: i64) -> RecordPickRequest {
    RecordPickRequest {
        fulfilment_order_id: id.to_owned(),
        line_id: line_id.to_owned(),
        quantity,
        ..RecordPickRequest::default()
    }
}

pub fn header(command_id: &str) -> Option<CommandHeader> {
    Some(CommandHeader {
        command_id: command_id.to_owned(),
        reason: String::new(),
    })
}

/// The reason inside a refusal.
#[track_caller]
pub fn reason<T: std::fmt::Debug>(answer: Result<T, Status>) -> String {
    ordo_rpc::reason_of(&answer.unwrap_err()).unwrap_or_default()
}

/// The token of a receipt, for `at_least`.
pub fn token(receipt: &Option<Receipt>) -> Option<ordo_proto::types::ConsistencyToken> {
    receipt.as_ref().and_then(|receipt| receipt.token.clone())
}

fn serve(host: Host, roles: &[(&'static str, &'static [&'static str])], routes: Routes) -> Service {
    let shutdown = CancellationToken::new();
    let serving = host.serve(
        MethodRoles::new(roles),
        routes,
        shutdown.clone().cancelled_owned(),
    );
    Service {
        shutdown,
        task: tokio::spawn(async move { serving.await.unwrap() }),
    }
}

/// Index 0 is fulfilment, 1 intake, 2 inventory.
fn config(
    keys: &TempDir,
    store: &str,
    listeners: &[Arc<TcpListener>; 3],
    index: usize,
) -> ServiceConfig {
    let path = |name: &str| keys.path().join(name).to_str().unwrap().to_owned();
    let (key, master) = (path("key.pem"), path("master"));
    let (intake, inventory) = (url(&listeners[1]), url(&listeners[2]));
    let mut pairs = vec![
        ("store", store),
        ("auth.signing_key_file", key.as_str()),
        ("peers.intake", intake.as_str()),
        ("peers.inventory", inventory.as_str()),
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
