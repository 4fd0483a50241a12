//! Inventory as a running service, and a client with any roles.

use std::time::Duration;

use ordo_event_log::TenantId;
use ordo_neighbourhood::{Neighbourhood, Running, Signed};
use ordo_proto::{
    inventory::{
        Availability, GetAvailabilityRequest, GetReservationRequest, PutSiteRequest, PutSkuRequest,
        ReceiveStockLine, ReceiveStockRequest, Reservation, ReservationLine, ReserveRequest,
        SiteKind, inventory_client::InventoryClient,
    },
    types::{CommandHeader, ConsistencyToken, Receipt},
};
use ordo_rpc::role;
use ordo_testkit::{TestStore, eventually};
use tonic::Status;

pub const PATIENCE: Duration = Duration::from_secs(60);

pub type Client = InventoryClient<Signed>;

/// A shop with the site `W1` and the SKUs `MUG` and `POT`, behind a running service.
pub struct Shop {
    pub tenant: TenantId,
    /// Kind of store, to name in failures.
    pub store_name: &'static str,
    all: Neighbourhood,
    service: Option<Running>,
    /// Removed after the service has ended.
    _store: TestStore,
}

impl Shop {
    pub async fn open(store: TestStore) -> Self {
        let all = Neighbourhood::new(&store, &["inventory"], "li");
        let mut shop = Self {
            tenant: all.tenant.clone(),
            store_name: store.name,
            all,
            service: None,
            _store: store,
        };
        shop.start().await;
        shop.put_site("W1", 1).await;
        shop.put_sku("MUG").await;
        shop.put_sku("POT").await;
        shop
    }

    /// Starts the service, again after [`stop`](Self::stop).
    pub async fn start(&mut self) {
        let config = self.all.config();
        let run = |shutdown| ordo_inventory::run(config, shutdown);
        self.service = Some(Running::start(run));
        let client = self.client(&[role::VIEWER]);
        eventually(PATIENCE, async || {
            let probe = GetReservationRequest {
                reservation_id: "probe".into(),
            };
            let answer = client.clone().get_reservation(probe).await;
            answer.is_err_and(|status| status.code() == tonic::Code::NotFound)
        })
        .await;
    }

    /// Ends the service in order.
    pub async fn stop(&mut self) {
        if let Some(service) = self.service.take() {
            service.stop().await;
        }
    }

    /// A client with a token of these roles.
    pub fn client(&self, roles: &[&str]) -> Client {
        self.client_of(&self.tenant, roles)
    }

    pub fn client_of(&self, tenant: &TenantId, roles: &[&str]) -> Client {
        let sign_in = self.all.sign_in(Some(tenant), roles);
        InventoryClient::with_interceptor(self.all.channel(), sign_in)
    }

    /// A client that may do everything.
    pub fn admin(&self) -> Client {
        self.client(&[role::ADMIN])
    }

    /// Expects every check to hold, and those of inventory to have looked at something.
    pub async fn expect_sound(&self) {
        let own = [
            "stock.conservation",
            "projection.availability",
            "projection.movements",
            "projection.catalogue",
        ];
        self.all.expect_sound(&own).await;
    }

    pub async fn put_site(&self, site_id: &str, priority: i32) {
        let request = PutSiteRequest {
            site_id: site_id.into(),
            name: site_id.into(),
            kind: SiteKind::Warehouse.into(),
            priority,
            ..PutSiteRequest::default()
        };
        self.admin().put_site(request).await.unwrap();
    }

    pub async fn put_sku(&self, sku: &str) {
        let request = PutSkuRequest {
            sku: sku.into(),
            name: sku.into(),
            ..PutSkuRequest::default()
        };
        self.admin().put_sku(request).await.unwrap();
    }

    pub async fn receive(&self, sku: &str, quantity: i64) -> Option<ConsistencyToken> {
        let request = ReceiveStockRequest {
            site_id: "W1".into(),
            lines: vec![ReceiveStockLine {
                sku: sku.into(),
                quantity,
                ..ReceiveStockLine::default()
            }],
            ..ReceiveStockRequest::default()
        };
        token(
            &self
                .admin()
                .receive_stock(request)
                .await
                .unwrap()
                .into_inner()
                .receipt,
        )
    }

    /// What the availability of `sku` at `W1` is, once the read model has seen `at_least`.
    pub async fn availability(
        &self,
        sku: &str,
        at_least: Option<ConsistencyToken>,
    ) -> Availability {
        let request = GetAvailabilityRequest {
            skus: vec![sku.into()],
            site_id: "W1".into(),
            at_least,
            ..GetAvailabilityRequest::default()
        };
        let answer = self
            .client(&[role::VIEWER])
            .get_availability(request)
            .await
            .unwrap()
            .into_inner();
        answer.availability.into_iter().next().unwrap_or_default()
    }

    pub async fn reservation(&self, id: &str) -> Reservation {
        let request = GetReservationRequest {
            reservation_id: id.into(),
        };
        self.admin()
            .get_reservation(request)
            .await
            .unwrap()
            .into_inner()
            .reservation
            .unwrap()
    }

    /// Units reserved for the order and not yet sent.
    pub async fn held(&self, id: &str) -> i64 {
        self.reservation(id)
            .await
            .allocations
            .iter()
            .map(|one| one.quantity)
            .sum()
    }
}

/// Attempt 1 of an order that wants units of one SKU.
pub fn wants(id: &str, sku: &str, quantity: i64) -> ReserveRequest {
    ReserveRequest {
        reservation_id: id.into(),
        attempt: 1,
        lines: vec![ReservationLine {
            line_id: "1".into(),
            sku: sku.into(),
            quantity,
        }],
        ..ReserveRequest::default()
    }
}

/// The same, and waits for what is short.
pub fn waits_for(id: &str, sku: &str, quantity: i64) -> ReserveRequest {
    ReserveRequest {
        wait_for_stock: true,
        ..wants(id, sku, quantity)
    }
}

pub fn header(command_id: &str) -> Option<CommandHeader> {
    Some(CommandHeader {
        command_id: command_id.into(),
        reason: String::new(),
    })
}

/// The reason inside a refusal.
#[track_caller]
pub fn reason<T: std::fmt::Debug>(answer: Result<T, Status>) -> String {
    ordo_rpc::reason_of(&answer.unwrap_err()).unwrap_or_default()
}

/// The fields that an INVALID_ARGUMENT names.
#[track_caller]
pub fn fields<T: std::fmt::Debug>(answer: Result<T, Status>) -> Vec<String> {
    use tonic_types::StatusExt as _;
    let status = answer.unwrap_err();
    assert_eq!(status.code(), tonic::Code::InvalidArgument, "{status:?}");
    let details = status.get_details_bad_request().unwrap();
    details
        .field_violations
        .into_iter()
        .map(|violation| violation.field)
        .collect()
}

/// The token of a receipt, for `at_least`.
pub fn token(receipt: &Option<Receipt>) -> Option<ConsistencyToken> {
    receipt.as_ref().and_then(|receipt| receipt.token.clone())
}
