//! Lists and replays parked entities, within what the caller may see.

use ordo_event_log::TenantId;
use ordo_projection::Reactor;
use ordo_proto::ops::{ListParkedRequest, ListParkedResponse, ParkedEntity};
use tonic::Status;

use crate::{
    page::{next_page_token, page_key, page_size},
    refusal::status,
    violations::Violations,
};

/// Parked entities read at a time.
const BATCH: u32 = 500;

/// One page over `reactors`, which are in a fixed order.
pub(super) async fn list(
    reactors: &[Reactor],
    tenant: Option<&TenantId>,
    request: &ListParkedRequest,
) -> Result<ListParkedResponse, Status> {
    let mut violations = Violations::new();
    let size = page_size(request.page.as_ref(), &mut violations) as usize;
    violations.finish()?;
    let query = ListParkedRequest {
        page: None,
        ..request.clone()
    };
    // Last reaction and entity shown.
    let shown: Option<(String, String)> = page_key(request.page.as_ref(), &query)?;
    let (reaction, mut after) = shown.unwrap_or_default();
    let from = reactors
        .iter()
        .position(|reactor| reactor.name() == reaction)
        .unwrap_or(0);
    let mut parked = Vec::new();
    for reactor in &reactors[from..] {
        let mut entities = Visible::new(reactor, tenant, std::mem::take(&mut after));
        while let Some(entity) = entities.next().await? {
            if parked.len() == size {
                let next_page_token = parked
                    .last()
                    .map(|last: &ParkedEntity| {
                        next_page_token(&(&last.reaction, &last.entity), &query)
                    })
                    .unwrap_or_default();
                return Ok(ListParkedResponse {
                    parked,
                    next_page_token,
                });
            }
            parked.push(entity);
        }
    }
    Ok(ListParkedResponse {
        parked,
        next_page_token: String::new(),
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
        let mut entities = Visible::new(reactor, tenant, String::new());
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
    let mut entities = Visible::new(reactor, tenant, String::new());
    while let Some(parked) = entities.next().await? {
        if parked.entity == entity {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Walks over the parked entities of a reactor that a tenant may see.
struct Visible<'a> {
    reactor: &'a Reactor,
    tenant: Option<&'a TenantId>,
    after: String,
    batch: std::vec::IntoIter<ParkedEntity>,
    ended: bool,
}

impl<'a> Visible<'a> {
    fn new(reactor: &'a Reactor, tenant: Option<&'a TenantId>, after: String) -> Self {
        Self {
            reactor,
            tenant,
            after,
            batch: Vec::new().into_iter(),
            ended: false,
        }
    }

    async fn next(&mut self) -> Result<Option<ParkedEntity>, Status> {
        loop {
            for parked in self.batch.by_ref() {
                if self
                    .tenant
                    .is_none_or(|tenant| tenant.as_str() == parked.tenant)
                {
                    return Ok(Some(parked));
                }
            }
            if self.ended {
                return Ok(None);
            }
            let batch = self
                .reactor
                .parked(&self.after, BATCH)
                .await
                .map_err(status)?;
            self.ended = batch.len() < BATCH as usize;
            if let Some(last) = batch.last() {
                self.after.clone_from(&last.entity);
            }
            self.batch = batch.into_iter();
        }
    }
}
