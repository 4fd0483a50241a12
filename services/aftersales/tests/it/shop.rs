//! Aftersales as a running service, between an intake and an inventory that do as they are told.

use std::time::Duration;

use ordo_aftersales::config::Rules;
use ordo_event_log::{EventLog, TenantId};
use ordo_neighbourhood::{Neighbourhood, Running, Signed};
use ordo_proto::{
    aftersales::{
        self, Case, CaseKind, CaseLine, GetCaseRequest, GetPurchaseRequest, GetPurchaseResponse,
        OpenCaseRequest, aftersales_client::AftersalesClient,
    },
    intake::intake_server::IntakeServer,
    inventory::inventory_server::InventoryServer,
};
use ordo_rpc::role;
use ordo_testkit::{TestStore, eventually};
use tonic::service::Routes;

use crate::{facts, neighbours::Neighbour};

pub const PATIENCE: Duration = Duration::from_secs(30);

pub type Desk = AftersalesClient<Signed>;

/// Everything that a test of the whole service needs.
pub struct Shop {
    pub tenant: TenantId,
    pub intake: Neighbour,
    pub inventory: Neighbour,
    pub intake_log: EventLog,
    /// Where everybody keeps their databases.
    pub store: TestStore,
    pub all: Neighbourhood,
    aftersales: Option<Running>,
    _neighbours: [Running; 2],
}

impl Shop {
    pub async fn open(store: TestStore) -> Self {
        Self::open_with(store, Rules::default()).await
    }

    pub async fn open_with(store: TestStore, rules: Rules) -> Self {
        let all = Neighbourhood::new(&store, &["aftersales", "intake", "inventory"], "alice");
        let (intake, inventory) = (Neighbour::default(), Neighbour::default());
        let (intake_log, intake_runs) = all
            .neighbour(
                "intake",
                &[
                    ("/ordo.intake.v1.Intake/RefundPayment", SERVICES),
                    ("/ordo.intake.v1.Intake/PlaceOrder", SERVICES),
                    ("/ordo.intake.v1.Intake/CancelOrder", SERVICES),
                ],
                Routes::new(IntakeServer::new(intake.clone())),
            )
            .await;
        let (_, inventory_runs) = all
            .neighbour(
                "inventory",
                &[("/ordo.inventory.v1.Inventory/Restock", SERVICES)],
                Routes::new(InventoryServer::new(inventory.clone())),
            )
            .await;
        let mut shop = Self {
            tenant: all.tenant.clone(),
            intake,
            inventory,
            intake_log,
            store,
            all,
            aftersales: None,
            _neighbours: [intake_runs, inventory_runs],
        };
        shop.start(rules).await;
        shop
    }

    /// Starts aftersales, again after [`stop`](Self::stop).
    pub async fn start(&mut self, rules: Rules) {
        let config = self.all.config();
        let run = |shutdown| ordo_aftersales::run(config, rules, shutdown);
        self.aftersales = Some(Running::start(run));
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
        if let Some(service) = self.aftersales.take() {
            service.stop().await;
        }
    }

    /// A client with a token of these roles.
    pub fn desk(&self, roles: &[&str]) -> Desk {
        self.desk_of(&self.tenant, roles)
    }

    pub fn desk_of(&self, tenant: &TenantId, roles: &[&str]) -> Desk {
        let sign_in = self.all.sign_in(Some(tenant), roles);
        AftersalesClient::with_interceptor(self.all.channel(), sign_in)
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
