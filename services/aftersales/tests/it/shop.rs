//! Aftersales as a running service, between an intake and an inventory that do as they are told.

use std::{net::TcpListener, sync::Arc, time::Duration};

use ordo_aftersales::config::Rules;
use ordo_event_log::{EventLog, TenantId};
use ordo_proto::{
    aftersales::{
        self, Case, CaseKind, CaseLine, GetCaseRequest, GetPurchaseRequest, GetPurchaseResponse,
        OpenCaseRequest, aftersales_client::AftersalesClient,
    },
    intake::intake_server::IntakeServer,
    inventory::inventory_server::InventoryServer,
    ops::{VerifyRequest, VerifyResponse, operations_client::OperationsClient},
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

use crate::{facts, neighbours::Neighbour};

pub const PATIENCE: Duration = Duration::from_secs(30);

pub type Desk = AftersalesClient<InterceptedService<Channel, SignIn>>;

/// Everything that a test of the whole service needs.
pub struct Shop {
    pub tenant: TenantId,
    pub intake: Neighbour,
    pub inventory: Neighbour,
    pub intake_log: EventLog,
    /// Where everybody keeps their databases.
    pub store: TestStore,
    issuer: TokenIssuer,
    keys: TempDir,
    listeners: [Arc<TcpListener>; 3],
    aftersales: Option<Service>,
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

impl Shop {
    pub async fn open(store: TestStore) -> Self {
        Self::open_with(store, Rules::default()).await
    }

    pub async fn open_with(store: TestStore, rules: Rules) -> Self {
        let issuer = TokenIssuer::generate();
        let keys = tempfile::tempdir().unwrap();
        std::fs::write(
            keys.path().join("key.pem"),
            issuer.private_pem().unwrap().as_str(),
        )
        .unwrap();
        let listen = || Arc::new(TcpListener::bind("127.0.0.1:0").unwrap());
        let listeners = [listen(), listen(), listen()];

        let (intake, inventory) = (Neighbour::default(), Neighbour::default());
        let config = |index| config(&keys, &store.url, &listeners, index);
        let host = Host::start("intake", config(1)).await.unwrap();
        let intake_log = host.log();
        let intake_service = serve(
            host,
            &[
                ("/ordo.intake.v1.Intake/RefundPayment", SERVICES),
                ("/ordo.intake.v1.Intake/PlaceOrder", SERVICES),
                ("/ordo.intake.v1.Intake/CancelOrder", SERVICES),
            ],
            Routes::new(IntakeServer::new(intake.clone())),
        );
        let host = Host::start("inventory", config(2)).await.unwrap();
        let inventory_service = serve(
            host,
            &[("/ordo.inventory.v1.Inventory/Restock", SERVICES)],
            Routes::new(InventoryServer::new(inventory.clone())),
        );
        let mut shop = Self {
            tenant: TenantId::new("shop-1").unwrap(),
            intake,
            inventory,
            intake_log,
            issuer,
            keys,
            store,
            listeners,
            aftersales: None,
            _neighbours: [intake_service, inventory_service],
        };
        shop.start(rules).await;
        shop
    }

    /// Starts aftersales, again after [`stop`](Self::stop).
    pub async fn start(&mut self, rules: Rules) {
        let config = config(&self.keys, &self.store.url, &self.listeners, 0);
        let shutdown = CancellationToken::new();
        let run = ordo_aftersales::run(config, rules, shutdown.clone());
        self.aftersales = Some(Service {
            shutdown,
            task: tokio::spawn(async move { run.await.unwrap() }),
        });
        let desk = self.desk(&[role::VIEWER]);
        eventually(PATIENCE, async || {
            let probe = GetCaseRequest {
                case_id: "probe-C1".to_owned(),
                at_least: None,
            };
            desk.clone()
                .get_case(probe)
                .await
                .is_err_and(|s| s.code() == tonic::Code::NotFound)
        })
        .await;
    }

    /// Ends aftersales in order.
    pub async fn stop(&mut self) {
        if let Some(mut service) = self.aftersales.take() {
            service.shutdown.cancel();
            (&mut service.task).await.unwrap();
        }
    }

    /// A client with a token of these roles.
    pub fn desk(&self, roles: &[&str]) -> Desk {
        self.desk_of(&self.tenant, roles)
    }

    pub fn desk_of(&self, tenant: &TenantId, roles: &[&str]) -> Desk {
        AftersalesClient::with_interceptor(self.channel(), self.sign_in(Some(tenant), roles))
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

    fn channel(&self) -> Channel {
        let url = url(&self.listeners[0]);
        Channel::from_shared(url).unwrap().connect_lazy()
    }

    fn sign_in(&self, tenant: Option<&TenantId>, roles: &[&str]) -> SignIn {
        let token = self
            .issuer
            .mint(&Grant::new("alice", tenant, roles))
            .unwrap();
        SignIn(format!("Bearer {token}").parse().unwrap())
    }

    /// An order of two mugs and a plate, placed, paid with 30.00 and delivered, as aftersales knows it.
    pub async fn delivered_order(&self) -> String {
        self.delivered_order_of("c1").await
    }

    pub async fn delivered_order_of(&self, customer_id: &str) -> String {
        let order_id = self.intake_log.new_id_in(&self.tenant, 0);
        let mut events = vec![facts::placed(&order_id, customer_id), facts::paid(3_000)];
        events.extend(facts::delivered(&order_id));
        let token = facts::tell(&self.intake_log, &self.tenant, &order_id, events).await;
        let known = GetPurchaseRequest {
            order_id: order_id.clone(),
            at_least: Some(token),
        };
        let mut desk = self.desk(&[role::VIEWER]);
        let purchase = desk.get_purchase(known).await.unwrap().into_inner();
        let claimable: i64 = purchase.lines.iter().map(|line| line.claimable).sum();
        assert_eq!(claimable, 3, "a query sees what its token names");
        order_id
    }

    /// The purchase once `expected` holds of it.
    pub async fn purchase_when(
        &self,
        order_id: &str,
        expected: impl Fn(&GetPurchaseResponse) -> bool,
    ) -> GetPurchaseResponse {
        let desk = self.desk(&[role::VIEWER]);
        let ask = async || {
            let request = GetPurchaseRequest {
                order_id: order_id.to_owned(),
                at_least: None,
            };
            desk.clone()
                .get_purchase(request)
                .await
                .map(|answer| answer.into_inner())
        };
        eventually(PATIENCE, async || {
            ask().await.is_ok_and(|purchase| expected(&purchase))
        })
        .await;
        ask().await.unwrap()
    }

    /// The case once `expected` holds of it.
    pub async fn case_when(&self, case_id: &str, expected: impl Fn(&Case) -> bool) -> Case {
        let desk = self.desk(&[role::VIEWER]);
        let ask = async || {
            let request = GetCaseRequest {
                case_id: case_id.to_owned(),
                at_least: None,
            };
            let answer = desk.clone().get_case(request).await;
            answer.ok().and_then(|answer| answer.into_inner().case)
        };
        eventually(PATIENCE, async || {
            ask().await.is_some_and(|case| expected(&case))
        })
        .await;
        ask().await.unwrap()
    }
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
        task: tokio::spawn(async move { serving.await.unwrap() }),
    }
}

/// Index 0 is aftersales, 1 intake, 2 inventory.
fn config(
    keys: &TempDir,
    store: &str,
    listeners: &[Arc<TcpListener>; 3],
    index: usize,
) -> ServiceConfig {
    let key = keys.path().join("key.pem");
    let (intake, inventory) = (url(&listeners[1]), url(&listeners[2]));
    let mut config = ServiceConfig::from_pairs([
        ("store", store),
        ("auth.signing_key_file", key.to_str().unwrap()),
        ("peers.intake", intake.as_str()),
        ("peers.inventory", inventory.as_str()),
        ("shutdown_timeout", "10s"),
    ])
    .unwrap();
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

/// A request for units of lines, each with the reason `CHANGED_MIND`.
pub fn request(order_id: &str, kind: CaseKind, lines: &[(&str, i64)]) -> OpenCaseRequest {
    let lines = lines.iter().map(|(line_id, quantity)| CaseLine {
        line_id: (*line_id).to_owned(),
        quantity: *quantity,
        reason: "CHANGED_MIND".to_owned(),
        ..CaseLine::default()
    });
    OpenCaseRequest {
        order_id: order_id.to_owned(),
        kind: kind.into(),
        lines: lines.collect(),
        ..OpenCaseRequest::default()
    }
}

pub fn back(line_id: &str, resellable: i64, not_resellable: i64) -> aftersales::ReceiptLine {
    aftersales::ReceiptLine {
        line_id: line_id.to_owned(),
        resellable,
        not_resellable,
        ..aftersales::ReceiptLine::default()
    }
}
