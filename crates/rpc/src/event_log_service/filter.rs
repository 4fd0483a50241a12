//! Which events a reader gets.

use std::collections::HashSet;

use ordo_event_log::{RecordedEvent, TenantId};
use ordo_proto::log::EventFilter;

use crate::violations::Violations;

/// A filter within what the caller may see.
#[derive(Debug, Default)]
pub(crate) struct Wanted {
    tenant: Option<TenantId>,
    types: HashSet<String>,
    aggregate: String,
    aggregate_id: String,
}

impl Wanted {
    /// `tenant`: whose events the caller may see; `None` for all.
    pub(crate) fn new(
        tenant: Option<TenantId>,
        filter: Option<EventFilter>,
        violations: &mut Violations,
    ) -> Self {
        let filter = filter.unwrap_or_default();
        violations.require(
            filter.types.len() <= 100,
            "filter.types",
            "must be at most 100",
        );
        violations.require(
            filter.aggregate_id.is_empty() || !filter.aggregate.is_empty(),
            "filter.aggregate",
            "must be named when `aggregate_id` is",
        );
        Self {
            tenant,
            types: filter.types.into_iter().collect(),
            aggregate: filter.aggregate,
            aggregate_id: filter.aggregate_id,
        }
    }

    pub(crate) fn admits(&self, event: &RecordedEvent) -> bool {
        self.tenant
            .as_ref()
            .is_none_or(|tenant| *tenant == event.tenant)
            && (self.types.is_empty() || self.types.contains(&*event.type_name))
            && (self.aggregate.is_empty() || *self.aggregate == *event.stream.aggregate)
            && (self.aggregate_id.is_empty() || *self.aggregate_id == *event.stream.id)
    }
}
