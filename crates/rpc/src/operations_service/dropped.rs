//! Drops parked work and lists what was dropped, within what the caller may see.

use ordo_event_log::TenantId;
use ordo_projection::Reactor;
use ordo_proto::ops::{
    DropParkedRequest, DropParkedResponse, ListDroppedRequest, ListDroppedResponse,
};
use tonic::Status;

use super::{listing, parked, unknown};
use crate::{identity::Identity, refusal::status};

/// Drops what parked the entity, when the caller may see it.
pub(super) async fn drop_parked(
    reactors: &[Reactor],
    identity: &Identity,
    request: &DropParkedRequest,
) -> Result<DropParkedResponse, Status> {
    for reactor in reactors {
        if !parked::may_see(reactor, identity.tenant.as_ref(), &request.entity).await? {
            continue;
        }
        let dropped = reactor
            .drop_parked(
                &request.entity,
                &request.event_id,
                &identity.subject,
                &request.reason,
            )
            .await
            .map_err(status)?;
        if dropped.is_some() {
            return Ok(DropParkedResponse { dropped });
        }
    }
    let what = format!("{} by {}", request.entity, request.event_id);
    Err(unknown("parked entity", &what))
}

/// One page over `reactors`, which are in a fixed order.
pub(super) async fn list(
    reactors: &[Reactor],
    tenant: Option<&TenantId>,
    request: &ListDroppedRequest,
) -> Result<ListDroppedResponse, Status> {
    let query = ListDroppedRequest {
        page: None,
        ..request.clone()
    };
    let page = request.page.as_ref();
    let (dropped, next_page_token) = listing::page(reactors, tenant, page, &query).await?;
    Ok(ListDroppedResponse {
        dropped,
        next_page_token,
    })
}
