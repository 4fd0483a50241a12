//! Inventory as a running service, and a client with any roles.

use std::{net::TcpListener, sync::Arc, time::Duration};

use ordo_event_log::TenantId;
use ordo_proto::{
    inventory::{
        Availability, GetAvailabilityRequest, GetReservationRequest, PutSiteRequest, PutSkuRequest,
        ReceiveStockLine, ReceiveStockRequest, Reservation, ReservationLine, ReserveRequest,
        SiteKind, inventory_client::InventoryClient,
    },
    ops::{VerifyRequest, VerifyResponse, operations_client::OperationsClient},
    types::{CommandHeader, ConsistencyToken, Receipt},
};
use ordo_rpc::{Grant, TokenIssuer, role};
use ordo_runtime::{CancellationToken, ServiceConfig};
use ordo_testkit::{TestStore, eventually};
use tempfile::TempDir;
use tokio::task::JoinHandle;
use tonic::{
    Request, Status,
    metadata::{Ascii, MetadataValue},
    service::interceptor::InterceptedService,
    transport::Channel,
};

pub const PATIENCE: Duration = Duration::from_secs(60);

pub type Client = InventoryClient<InterceptedService<Channel, SignIn>>;

/// A shop with the site `W1` and the SKUs `MUG` and `POT`, behind a running service.
pub struct Shop {
    pub tenant: TenantId,
    /// Kind of store, to name in failures.
    pub store_name: &'static str,
    issuer: TokenIssuer,
    keys: TempDir,
    listener: Arc<TcpListener>,
    service: Option<Service>,
    /// Removed after the service has ended.
    store: TestStore,
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

impl Shop {
    pub async fn open(store: TestStore) -> Self {
        let issuer = TokenIssuer::generate();
        let keys = tempfile::tempdir().unwrap();
        std::fs::write(
            keys.path().join("key.pem"),
            issuer.private_pem().unwrap().as_str(),
        )
        .unwrap();
        let mut shop = Self {
            tenant: TenantId::new("shop-1").unwrap(),
            store_name: store.name,
            issuer,
            keys,
            store,
            listener: Arc::new(TcpListener::bind("127.0.0.1:0").unwrap()),
            service: None,
        };
        shop.start().await;
        shop.put_site("W1", 1).await;
        shop.put_sku("MUG").await;
        shop.put_sku("POT").await;
        shop
    }

    /// Starts the service, again after [`stop`](Self::stop).
    pub async fn start(&mut self) {
        let key = self.keys.path().join("key.pem");
        let mut config = ServiceConfig::from_pairs([
            ("store", self.store.url.as_str()),
            ("auth.signing_key_file", key.to_str().unwrap()),
            ("shutdown_timeout", "10s"),
        ])
        .unwrap();
        config.listener = Some(Arc::clone(&self.listener));
        let shutdown = CancellationToken::new();
        let run = ordo_inventory::run(config, shutdown.clone());
        self.service = Some(Service {
            shutdown,
            task: tokio::spawn(async move { run.await.unwrap() }),
        });
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
        if let Some(mut service) = self.service.take() {
            service.shutdown.cancel();
            (&mut service.task).await.unwrap();
        }
    }

    /// A client with a token of these roles.
    pub fn client(&self, roles: &[&str]) -> Client {
        self.client_of(&self.tenant, roles)
    }

    pub fn client_of(&self, tenant: &TenantId, roles: &[&str]) -> Client {
        InventoryClient::with_interceptor(self.channel(), self.sign_in(Some(tenant), roles))
    }

    /// A client that may do everything.
    pub fn admin(&self) -> Client {
        self.client(&[role::ADMIN])
    }

    /// What `verify` says of every check.
    pub async fn verify(&self) -> Vec<VerifyResponse> {
        let sign_in = self.sign_in(None, &[role::ADMIN]);
        let mut operations = OperationsClient::with_interceptor(self.channel(), sign_in);
        let mut stream = operations
            .verify(VerifyRequest::default())
            .await
            .unwrap()
            .into_inner();
        let mut answers = Vec::new();
        while let Some(answer) = stream.message().await.unwrap() {
            answers.push(answer);
        }
        answers
    }

    /// Expects every check to hold, and those of inventory to have looked at something.
    pub async fn expect_sound(&self) {
        let answers = self.verify().await;
        let broken: Vec<_> = answers.iter().filter(|answer| !answer.ok).collect();
        assert!(broken.is_empty(), "{broken:?}");
        for name in [
            "stock.conservation",
            "projection.availability",
            "projection.movements",
            "projection.catalogue",
        ] {
            let found = answers.iter().find(|answer| answer.check == name);
            assert!(
                found.is_some_and(|answer| answer.examined > 0),
                "{name} of {answers:?}"
            );
        }
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

    fn channel(&self) -> Channel {
        let url = format!("http://{}", self.listener.local_addr().unwrap());
        Channel::from_shared(url).unwrap().connect_lazy()
    }

    fn sign_in(&self, tenant: Option<&TenantId>, roles: &[&str]) -> SignIn {
        let token = self.issuer.mint(&Grant::new("li", tenant, roles)).unwrap();
        SignIn(format!("Bearer {token}").parse().unwrap())
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
