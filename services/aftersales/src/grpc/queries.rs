//! What is asked, and changes nothing.

use std::time::Duration;

use ordo_event_log::Timestamp;
use ordo_proto::{
    aftersales::{
        CaseKind, CaseStatus, GetCaseRequest, GetCaseResponse, GetPurchaseRequest,
        GetPurchaseResponse, ListCasesRequest, ListCasesResponse,
    },
    types::ConsistencyToken,
};
use ordo_rpc::{Violations, next_page_token, page_key, page_size, tenant};
use tonic::{Request, Status};

use super::{AftersalesService, answers, checks};
use crate::{
    case::CaseError,
    projections::case_list::{self, CaseFilter},
    purchase::{Purchase, PurchaseError},
    reactions::order_entity,
};

/// How long a query waits for the positions that it asks for.
const PATIENCE: Duration = Duration::from_secs(5);

impl AftersalesService {
    pub(super) async fn case(
        &self,
        request: Request<GetCaseRequest>,
    ) -> Result<GetCaseResponse, Status> {
        let tenant = tenant(&request)?;
        let request = request.into_inner();
        checks::case(&request.case_id)?;
        self.seen(request.at_least.as_ref()).await?;
        let case = case_list::find(&self.cases.db(), &tenant, &request.case_id)
            .await
            .map_err(ordo_rpc::status)?;
        match case {
            Some(case) => Ok(GetCaseResponse { case: Some(case) }),
            None => Err(ordo_rpc::status(CaseError::Unknown)),
        }
    }

    pub(super) async fn cases(
        &self,
        request: Request<ListCasesRequest>,
    ) -> Result<ListCasesResponse, Status> {
        let tenant = tenant(&request)?;
        let request = request.into_inner();
        let mut violations = Violations::new();
        let size = page_size(request.page.as_ref(), &mut violations);
        if !request.order_id.is_empty() {
            violations.require(
                crate::ids::is_order_id(&request.order_id),
                "order_id",
                "must be an order's id: 1 to 40 lower-case letters and digits",
            );
        }
        violations.choices(&request.statuses, CaseStatus::as_str_name, "statuses");
        violations.choices(&request.kinds, CaseKind::as_str_name, "kinds");
        violations.require(
            request.statuses.len() <= 20,
            "statuses",
            "must be at most 20",
        );
        violations.require(request.kinds.len() <= 20, "kinds", "must be at most 20");
        violations.finish()?;
        let query = ListCasesRequest {
            page: None,
            at_least: None,
            ..request.clone()
        };
        let after = page_key(request.page.as_ref(), &query)?;
        self.seen(request.at_least.as_ref()).await?;
        let opened = request.opened.unwrap_or_default();
        let micros = |time: &Option<_>| time.as_ref().map(|time| Timestamp::from(time).0);
        let filter = CaseFilter {
            order_id: request.order_id,
            customer_id: request.customer_id,
            statuses: request.statuses,
            kinds: request.kinds,
            opened_from: micros(&opened.from),
            opened_until: micros(&opened.until),
        };
        let (cases, last) =
            case_list::list(&self.cases.db(), &tenant, &filter, after.as_ref(), size)
                .await
                .map_err(ordo_rpc::status)?;
        Ok(ListCasesResponse {
            cases,
            next_page_token: last
                .map(|key| next_page_token(&key, &query))
                .unwrap_or_default(),
        })
    }

    /// Straight from the log: what was recorded here is always seen, and what intake recorded is waited for.
    pub(super) async fn purchase(
        &self,
        request: Request<GetPurchaseRequest>,
    ) -> Result<GetPurchaseResponse, Status> {
        let tenant = tenant(&request)?;
        let request = request.into_inner();
        checks::order(&request.order_id)?;
        let entity = order_entity(&tenant, &request.order_id);
        self.following
            .wait_for(&entity, request.at_least.as_ref(), PATIENCE)
            .await
            .map_err(ordo_rpc::status)?;
        let partition = self.log.partition_for(&tenant, &request.order_id);
        let (state, _) = self
            .log
            .state::<Purchase>(partition, &tenant, &request.order_id)
            .await
            .map_err(ordo_rpc::status)?;
        if !state.is_recorded() {
            return Err(ordo_rpc::status(PurchaseError::Unknown));
        }
        Ok(answers::purchase(&request.order_id, &state))
    }

    async fn seen(&self, token: Option<&ConsistencyToken>) -> Result<(), Status> {
        self.cases
            .wait_for(token, PATIENCE)
            .await
            .map_err(ordo_rpc::status)
    }
}
