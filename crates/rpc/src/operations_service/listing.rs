//! What reactors list, page by page, within what the caller may see.

use std::future::Future;

use ordo_event_log::TenantId;
use ordo_projection::Reactor;
use ordo_proto::{
    ops::{DroppedEvent, ParkedEntity},
    types,
};
use prost::Message;
use tonic::Status;

use crate::{
    page::{next_page_token, page_key, page_size},
    refusal::status,
    violations::Violations,
};

/// Rows read at a time.
const BATCH: u32 = 500;

/// A row that reactors list, in an order of their own.
pub(super) trait Listed: Sized + Send {
    /// Up to `limit` rows after the one with the key `after`, from the first one with an empty `after`.
    fn read(
        reactor: &Reactor,
        after: &str,
        limit: u32,
    ) -> impl Future<Output = Result<Vec<Self>, Status>> + Send;
    /// Its place in the reactor's order.
    fn key(&self) -> &str;
    /// The reaction.
    fn reaction(&self) -> &str;
    /// Whose it is.
    fn tenant(&self) -> &str;
}

impl Listed for ParkedEntity {
    async fn read(reactor: &Reactor, after: &str, limit: u32) -> Result<Vec<Self>, Status> {
        reactor.parked(after, limit).await.map_err(status)
    }

    fn key(&self) -> &str {
        &self.entity
    }

    fn reaction(&self) -> &str {
        &self.reaction
    }

    fn tenant(&self) -> &str {
        &self.tenant
    }
}

impl Listed for DroppedEvent {
    async fn read(reactor: &Reactor, after: &str, limit: u32) -> Result<Vec<Self>, Status> {
        reactor.dropped(after, limit).await.map_err(status)
    }

    fn key(&self) -> &str {
        &self.dropped_id
    }

    fn reaction(&self) -> &str {
        &self.reaction
    }

    fn tenant(&self) -> &str {
        &self.tenant
    }
}

/// One page over `reactors`, which are in a fixed order, and the token of the next one. `query` is the request without `page`.
pub(super) async fn page<T: Listed>(
    reactors: &[Reactor],
    tenant: Option<&TenantId>,
    page: Option<&types::Page>,
    query: &impl Message,
) -> Result<(Vec<T>, String), Status> {
    let mut violations = Violations::new();
    let size = page_size(page, &mut violations) as usize;
    violations.finish()?;
    // Reaction and key of the last row shown.
    let shown: Option<(String, String)> = page_key(page, query)?;
    let (reaction, mut after) = shown.unwrap_or_default();
    let from = reactors
        .iter()
        .position(|reactor| reactor.name() == reaction)
        .unwrap_or(0);
    let mut rows: Vec<T> = Vec::new();
    for reactor in &reactors[from..] {
        let mut visible = Visible::new(reactor, tenant, std::mem::take(&mut after));
        while let Some(row) = visible.next().await? {
            if rows.len() == size {
                let last = rows.last().map(|last| (last.reaction(), last.key()));
                let token = next_page_token(&last, query);
                return Ok((rows, token));
            }
            rows.push(row);
        }
    }
    Ok((rows, String::new()))
}

/// Walks over the rows of a reactor that a tenant may see.
pub(super) struct Visible<'a, T> {
    reactor: &'a Reactor,
    tenant: Option<&'a TenantId>,
    after: String,
    batch: std::vec::IntoIter<T>,
    ended: bool,
}

impl<'a, T: Listed> Visible<'a, T> {
    /// The rows after the one with the key `after`.
    pub fn new(reactor: &'a Reactor, tenant: Option<&'a TenantId>, after: String) -> Self {
        Self {
            reactor,
            tenant,
            after,
            batch: Vec::new().into_iter(),
            ended: false,
        }
    }

    /// The next row.
    pub async fn next(&mut self) -> Result<Option<T>, Status> {
        loop {
            for row in self.batch.by_ref() {
                if self
                    .tenant
                    .is_none_or(|tenant| tenant.as_str() == row.tenant())
                {
                    return Ok(Some(row));
                }
            }
            if self.ended {
                return Ok(None);
            }
            let batch = T::read(self.reactor, &self.after, BATCH).await?;
            self.ended = batch.len() < BATCH as usize;
            if let Some(last) = batch.last() {
                last.key().clone_into(&mut self.after);
            }
            self.batch = batch.into_iter();
        }
    }
}
