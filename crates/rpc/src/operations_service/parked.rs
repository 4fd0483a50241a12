//! Lists and replays parked entities, within what the caller may see.

use ordo_event_log::TenantId;
use ordo_projection::Reactor;
use ordo_proto::ops::{ListParkedRequest, ListParkedResponse, ParkedEntity};
use tonic::Status;

use super::listing::{self, Visible};
use crate::refusal::status;

/// One page over `reactors`, which are in a fixed order.
pub(super) async fn list(
    reactors: &[Reactor],
    tenant: Option<&TenantId>,
    request: &ListParkedRequest,
) -> Result<ListParkedResponse, Status> {
    let query = ListParkedRequest {
        page: None,
        ..request.clone()
    };
    let page = request.page.as_ref();
    let (parked, next_page_token) = listing::page(reactors, tenant, page, &query).await?;
    Ok(ListParkedResponse {
        parked,
        next_page_token,
    })
}

/// Replays `entity`, or every parked entity when it is empty. How many there were.
pub(super) async fn replay(
    reactors: &[Reactor],
    tenant: Option<&TenantId>,
    entity: &str,
) -> Result<u64, Status> {
    let mut replayed = 0;
    for reactor in reactors {
        if tenant.is_none() {
            let named = (!entity.is_empty()).then_some(entity);
            replayed += reactor.replay(named).await.map_err(status)?;
            continue;
        }
        let mut entities = Visible::<ParkedEntity>::new(reactor, tenant, String::new());
        while let Some(parked) = entities.next().await? {
            if entity.is_empty() || parked.entity == entity {
                replayed += reactor.replay(Some(&parked.entity)).await.map_err(status)?;
            }
        }
    }
    Ok(replayed)
}

/// Whether `entity` is parked at `reactor` and belongs to `tenant`.
pub(super) async fn may_see(
    reactor: &Reactor,
    tenant: Option<&TenantId>,
    entity: &str,
) -> Result<bool, Status> {
    if tenant.is_none() {
        return Ok(true);
    }
    let mut entities = Visible::<ParkedEntity>::new(reactor, tenant, String::new());
    while let Some(parked) = entities.next().await? {
        if parked.entity == entity {
            return Ok(true);
        }
    }
    Ok(false)
}
