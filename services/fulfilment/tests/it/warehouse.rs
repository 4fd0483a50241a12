//! Fulfilment as a running service, with everything around it.

use std::time::Duration;

use ordo_event_log::{EventLog, TenantId};
use ordo_fulfilment::{FulfilmentConfig, fulfilment_order::CheckPolicy};
use ordo_neighbourhood::{Neighbourhood, Running, Signed};
use ordo_privacy::{KeyStore, MasterKeys, Vault};
use ordo_proto::{
    fulfilment::{
        FulfilmentOrder, FulfilmentOrderStatus, GetFulfilmentOrderRequest, RecordPickRequest,
        fulfilment_client::FulfilmentClient,
    },
    intake::{DeliveryMethod, FulfilmentLine, FulfilmentRequested},
    inventory::{SkuPut, inventory_server::InventoryServer},
    types::{Address, CommandHeader, Contact, Receipt, Region},
};
use ordo_rpc::role;
use ordo_sql::OpenOptions;
use ordo_testkit::{TestStore, eventually};
use tonic::{Status, service::Routes};

use crate::{inventory::Stock, neighbours::tell};

pub const PATIENCE: Duration = Duration::from_secs(60);

/// `TEA-1`'s barcode.
pub const TEA_BARCODE: &str = "4006381333931";
/// `CUP-1`'s barcode.
pub const CUP_BARCODE: &str = "036000291452";

pub type Desk = FulfilmentClient<Signed>;

/// Everything that a test of the whole service needs.
pub struct Warehouse {
    pub tenant: TenantId,
    pub stock: Stock,
    pub vault: Vault,
    intake: EventLog,
    inventory: EventLog,
    all: Neighbourhood,
    service: Option<Running>,
    _neighbours: [Running; 2],
}

impl Warehouse {
    pub async fn open(store: &TestStore) -> Self {
        Self::open_with(store, CheckPolicy::Optional).await
    }

    pub async fn open_with(store: &TestStore, check: CheckPolicy) -> Self {
        let names = ["fulfilment", "intake", "inventory"];
        let all = Neighbourhood::new(store, &names, "wang").with_master_key();
        let masters = MasterKeys::read_or_create(&all.master_key()).unwrap();
        let key_store = store
            .store_url()
            .open("fulfilment.keys", OpenOptions::durable())
            .await
            .unwrap();
        let vault = Vault::local(KeyStore::open(key_store, masters).await.unwrap())
            .await
            .unwrap();

        let stock = Stock::default();
        let (intake, intake_runs) = all.neighbour("intake", &[], Routes::default()).await;
        const SERVICES: &[&str] = &[role::SERVICE];
        let (inventory, inventory_runs) = all
            .neighbour(
                "inventory",
                &[
                    ("/ordo.inventory.v1.Inventory/AdjustStock", SERVICES),
                    ("/ordo.inventory.v1.Inventory/ConsumeReservation", SERVICES),
                    ("/ordo.inventory.v1.Inventory/GetAvailability", SERVICES),
                ],
                Routes::new(InventoryServer::new(stock.clone())),
            )
            .await;
        let mut warehouse = Self {
            tenant: all.tenant.clone(),
            stock,
            vault,
            intake,
            inventory,
            all,
            service: None,
            _neighbours: [intake_runs, inventory_runs],
        };
        warehouse.start(check).await;
        warehouse
    }

    /// Starts fulfilment, again after [`stop`](Self::stop).
    pub async fn start(&mut self, check: CheckPolicy) {
        let config = self.all.config();
        let run = |shutdown| ordo_fulfilment::run(config, FulfilmentConfig { check }, shutdown);
        self.service = Some(Running::start(run));
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
        if let Some(service) = self.service.take() {
            service.stop().await;
        }
    }

    /// A client with a token of these roles.
    pub fn desk(&self, roles: &[&str]) -> Desk {
        self.desk_of(&self.tenant, roles)
    }

    pub fn desk_of(&self, tenant: &TenantId, roles: &[&str]) -> Desk {
        let sign_in = self.all.sign_in(Some(tenant), roles);
        FulfilmentClient::with_interceptor(self.all.channel(), sign_in)
    }

    /// Expects every check to hold, and the named ones to have looked at something.
    pub async fn expect_sound(&self, names: &[&str]) {
        self.all.expect_sound(names).await;
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
