//! What changes something: checked, decided, answered.

use ordo_event_log::{EventLog, ExecuteError, Receipt, TenantId};
use ordo_proto::{
    aftersales::{
        DecideRequest, DecideResponse, OpenCaseRequest, OpenCaseResponse, RecordReceiptRequest,
        RecordReceiptResponse, RecordReturnParcelRequest, RecordReturnParcelResponse,
        RefundRequest, RefundResponse,
    },
    types::CommandHeader,
};
use ordo_rpc::{Refusal, fingerprint, identity, receipt, role, shared::ROLE_MISSING, tenant};
use tonic::{Request, Status};

use super::{AftersalesService, answers, checks};
use crate::{
    SERVICE,
    case::{Case, CaseState},
    commands,
    desk::{Decision, DeskCommand, DeskError},
    ids::CaseId,
    purchase::Purchase,
};

impl AftersalesService {
    pub(super) async fn open(
        &self,
        request: Request<OpenCaseRequest>,
    ) -> Result<OpenCaseResponse, Status> {
        let tenant = tenant(&request)?;
        let message = request.get_ref();
        let opening = checks::opening(message)?;
        if opening.approve {
            may_approve(&request)?;
        }
        let partition = self.log.partition_for(&tenant, &opening.order_id);
        let command = ordo_rpc::command(&request, message.header.as_ref(), partition)?
            .fingerprint(fingerprint(message))
            .prefetch::<Purchase>(&opening.order_id);
        let done = self
            .log
            .execute(command, move |unit| {
                let (case_id, decision) = commands::open(unit, &opening)?;
                Ok(OpenCaseResponse {
                    receipt: None,
                    case_id: case_id.to_string(),
                    status: answers::status(&decision.case).into(),
                })
            })
            .await
            .map_err(status)?;
        Ok(OpenCaseResponse {
            receipt: Some(receipt(SERVICE, &done)),
            ..done.answer
        })
    }

    pub(super) async fn decide_on(
        &self,
        request: Request<DecideRequest>,
    ) -> Result<DecideResponse, Status> {
        let message = request.get_ref();
        let (case_id, command) = checks::decision(message)?;
        let done = self
            .on_case(
                &request,
                message.header.as_ref(),
                case_id,
                command,
                |decision| DecideResponse {
                    receipt: None,
                    status: answers::status(&decision.case).into(),
                },
            )
            .await?;
        Ok(DecideResponse {
            receipt: Some(receipt(SERVICE, &done)),
            ..done.answer
        })
    }

    pub(super) async fn sent_back(
        &self,
        request: Request<RecordReturnParcelRequest>,
    ) -> Result<RecordReturnParcelResponse, Status> {
        let message = request.get_ref();
        let (case_id, command) = checks::return_parcel(message)?;
        let done = self
            .on_case(&request, message.header.as_ref(), case_id, command, |_| {
                RecordReturnParcelResponse { receipt: None }
            })
            .await?;
        Ok(RecordReturnParcelResponse {
            receipt: Some(receipt(SERVICE, &done)),
        })
    }

    pub(super) async fn receive(
        &self,
        request: Request<RecordReceiptRequest>,
    ) -> Result<RecordReceiptResponse, Status> {
        let message = request.get_ref();
        let (case_id, command) = checks::receipt(message, self.rules.refund_on_receipt)?;
        let done = self
            .on_case(
                &request,
                message.header.as_ref(),
                case_id,
                command,
                |decision| RecordReceiptResponse {
                    receipt: None,
                    status: answers::status(&decision.case).into(),
                    refundable: decision.case.approved().map(|case| case.refundable_money()),
                },
            )
            .await?;
        Ok(RecordReceiptResponse {
            receipt: Some(receipt(SERVICE, &done)),
            ..done.answer
        })
    }

    pub(super) async fn pay_back(
        &self,
        request: Request<RefundRequest>,
    ) -> Result<RefundResponse, Status> {
        let message = request.get_ref();
        let (case_id, command) = checks::refund(message)?;
        let done = self
            .on_case(
                &request,
                message.header.as_ref(),
                case_id,
                command,
                |decision| granted(&decision.case),
            )
            .await?;
        Ok(RefundResponse {
            receipt: Some(receipt(SERVICE, &done)),
            ..done.answer
        })
    }

    /// Decides `wish` on a case and answers what `answer` makes of the decision.
    async fn on_case<R: prost::Message + prost::Name, T: prost::Message + Default + 'static>(
        &self,
        request: &Request<R>,
        header: Option<&CommandHeader>,
        case_id: CaseId,
        wish: DeskCommand,
        answer: fn(&Decision) -> T,
    ) -> Result<Receipt<T>, Status> {
        let tenant: TenantId = tenant(request)?;
        let log: &EventLog = &self.log;
        let partition = log.partition_for(&tenant, case_id.order_id());
        let command = ordo_rpc::command(request, header, partition)?
            .fingerprint(fingerprint(request.get_ref()))
            .prefetch::<Purchase>(case_id.order_id())
            .prefetch::<Case>(&case_id.to_string());
        log.execute(command, move |unit| {
            let decision = commands::on_case(unit, &case_id, wish.clone())?;
            Ok(answer(&decision))
        })
        .await
        .map_err(status)
    }
}

/// The refund that was promised just now; nothing when the case ended instead.
fn granted(case: &CaseState) -> RefundResponse {
    let approved = match case {
        CaseState::Approved(approved) => approved,
        CaseState::Unopened
        | CaseState::Requested(_)
        | CaseState::Rejected(_)
        | CaseState::Closed { .. } => return RefundResponse::default(),
    };
    let refund = approved.refunds.last();
    RefundResponse {
        receipt: None,
        refund_id: refund
            .map(|refund| refund.refund_id.clone())
            .unwrap_or_default(),
        amount: refund.map(|refund| crate::money::money(&approved.request.currency, refund.amount)),
    }
}

/// A channel may ask, but not decide what it asks for.
fn may_approve<T>(request: &Request<T>) -> Result<(), Status> {
    const DECIDERS: &[&str] = &[role::ADMIN, role::AGENT, role::CLERK];
    if identity(request)?.has_any(DECIDERS) {
        return Ok(());
    }
    let refusal = Refusal::new(
        &ROLE_MISSING,
        "none of the caller's roles may approve a case",
    )
    .with("allowed_roles", DECIDERS.join(","));
    Err(ordo_rpc::status(refusal))
}

fn status(error: ExecuteError<DeskError>) -> Status {
    ordo_rpc::status(error)
}
