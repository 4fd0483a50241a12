//! Intake as a running service, between neighbours that do as they are told.

use std::time::Duration;

use ordo_event_log::{EventLog, TenantId};
use ordo_intake::config::ShopRules;
use ordo_neighbourhood::{Neighbourhood, Running, Signed};
use ordo_proto::{
    fulfilment::{self, WorkLine, fulfilment_server::FulfilmentServer},
    intake::{
        GetOrderRequest, GetTimelineRequest, Order, PlaceOrderRequest, PlaceOrderResponse,
        get_order_request::Key, intake_client::IntakeClient,
    },
    inventory::{
        self, ReservationAllocation, ReservationShortage, inventory_server::InventoryServer,
    },
    privacy::key_store_client::KeyStoreClient,
    types::LineQuantity,
};
use ordo_rpc::role;
use ordo_testkit::{TestStore, eventually};
use tonic::{Status, service::Routes};

use crate::{
    facts::{self, FulfilmentOrder, Reservation},
    neighbours::Neighbour,
};

pub const PATIENCE: Duration = Duration::from_secs(30);

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
    all: Neighbourhood,
    _services: [Running; 4],
}

impl Shop {
    pub async fn open() -> Self {
        Self::open_with(ordo_testkit::sqlite().unwrap(), ShopRules::default()).await
    }

    pub async fn open_with(store: TestStore, rules: ShopRules) -> Self {
        let names = ["intake", "inventory", "fulfilment", "aftersales"];
        let all = Neighbourhood::new(&store, &names, "alice").with_master_key();
        let (inventory, fulfilment) = (Neighbour::default(), Neighbour::default());
        let (inventory_log, stock) = all
            .neighbour(
                "inventory",
                &[
                    ("/ordo.inventory.v1.Inventory/Reserve", SERVICES),
                    ("/ordo.inventory.v1.Inventory/ReleaseReservation", SERVICES),
                ],
                Routes::new(InventoryServer::new(inventory.clone())),
            )
            .await;
        let (fulfilment_log, warehouse) = all
            .neighbour(
                "fulfilment",
                &[("/ordo.fulfilment.v1.Fulfilment/CancelFulfilment", SERVICES)],
                Routes::new(FulfilmentServer::new(fulfilment.clone())),
            )
            .await;
        let (aftersales_log, desk) = all.neighbour("aftersales", &[], Routes::default()).await;
        let config = all.config();
        let intake = Running::start(|shutdown| ordo_intake::run(config, rules, shutdown));
        let shop = Self {
            tenant: all.tenant.clone(),
            inventory,
            fulfilment,
            inventory_log,
            fulfilment_log,
            aftersales_log,
            store,
            all,
            _services: [intake, stock, warehouse, desk],
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
        let sign_in = self.all.sign_in(Some(tenant), roles);
        IntakeClient::with_interceptor(self.all.channel(), sign_in)
    }

    pub fn clerk(&self) -> Desk {
        self.desk(&[role::ADMIN, role::SERVICE])
    }

    pub fn key_store(&self, roles: &[&str]) -> KeyStoreClient<Signed> {
        let sign_in = self.all.sign_in(Some(&self.tenant), roles);
        KeyStoreClient::with_interceptor(self.all.channel(), sign_in)
    }

    /// Every check passes.
    pub async fn is_sound(&self) {
        let answers = self.all.verify().await;
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
