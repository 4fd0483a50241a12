//! Drops parked work and lists what was dropped, within what the caller may see.

use ordo_event_log::TenantId;
use ordo_projection::Reactor;
use ordo_proto::ops::{
    DropParkedRequest, DropParkedResponse, DroppedEvent, ListDroppedRequest, ListDroppedResponse,
};
use tonic::Status;

use super::{parked, unknown};
use crate::{
    identity::Identity,
    page::{next_page_token, page_key, page_size},
    refusal::status,
    violations::Violations,
};

/// Rows read at a time.
const BATCH: u32 = 500;

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
    let mut violations = Violations::new();
    let size = page_size(request.page.as_ref(), &mut violations) as usize;
    violations.finish()?;
    let query = ListDroppedRequest {
        page: None,
        ..request.clone()
    };
    // Reaction and id of the last one shown.
    let shown: Option<(String, String)> = page_key(request.page.as_ref(), &query)?;
    let (reaction, mut after) = shown.unwrap_or_default();
    let from = reactors
        .iter()
        .position(|reactor| reactor.name() == reaction)
        .unwrap_or(0);
    let mut dropped: Vec<DroppedEvent> = Vec::new();
    for reactor in &reactors[from..] {
        let mut after = std::mem::take(&mut after);
        loop {
            let batch = reactor.dropped(&after, BATCH).await.map_err(status)?;
            let is_last = batch.len() < BATCH as usize;
            for event in batch {
                after.clone_from(&event.dropped_id);
                if tenant.is_some_and(|tenant| tenant.as_str() != event.tenant) {
                    continue;
                }
                if dropped.len() == size {
                    let last = dropped
                        .last()
                        .map(|last| (&last.reaction, &last.dropped_id));
                    return Ok(ListDroppedResponse {
                        next_page_token: next_page_token(&last, &query),
                        dropped,
                    });
                }
                dropped.push(event);
            }
            if is_last {
                break;
            }
        }
    }
    Ok(ListDroppedResponse {
        dropped,
        next_page_token: String::new(),
    })
}
