//! Who calls.

use ordo_event_log::TenantId;
use ordo_proto::types::{Actor, ActorKind};
use tonic::{Request, Status};

use crate::{
    reason::{TENANT_REQUIRED, TOKEN_MISSING},
    refusal::{Refusal, status},
};

/// Roles that a token may carry. A caller has a role when its token lists it; roles do not contain each other.
pub mod role {
    /// Runs a tenant, or the whole system when the token names no tenant.
    pub const ADMIN: &str = "admin";
    /// Runs the system: read models, parked work, checks.
    pub const OPERATOR: &str = "operator";
    /// A sales channel's adapter.
    pub const CHANNEL: &str = "channel";
    /// Keys orders in and amends them.
    pub const CLERK: &str = "clerk";
    /// Releases orders held for review.
    pub const REVIEWER: &str = "reviewer";
    /// Payments and refunds.
    pub const FINANCE: &str = "finance";
    /// Customer service.
    pub const AGENT: &str = "agent";
    /// Picks.
    pub const PICKER: &str = "picker";
    /// Checks, packs and dispatches.
    pub const PACKER: &str = "packer";
    /// Receives, counts and adjusts stock.
    pub const WAREHOUSE: &str = "warehouse";
    /// Reads, and changes nothing.
    pub const VIEWER: &str = "viewer";
    /// Another Ordo service.
    pub const SERVICE: &str = "service";

    /// Every role.
    pub const ALL: &[&str] = &[
        ADMIN, OPERATOR, CHANNEL, CLERK, REVIEWER, FINANCE, AGENT, PICKER, PACKER, WAREHOUSE,
        VIEWER, SERVICE,
    ];
}

/// The verified caller; the sign-in layer puts it into the request's extensions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// `sub` of the token.
    pub subject: String,
    /// Derived from the roles: `service` → SERVICE, `channel` → CHANNEL, otherwise PERSON.
    pub kind: ActorKind,
    /// The tenant that this call acts for. `None`: a service or administrator that named none.
    pub tenant: Option<TenantId>,
    /// See [`role`]; names unknown there are kept and match nothing.
    pub roles: Vec<String>,
}

impl Identity {
    /// True when the token lists `role`.
    pub fn has(&self, role: &str) -> bool {
        self.roles.iter().any(|held| held == role)
    }

    /// True when the token lists one of `roles`.
    pub fn has_any(&self, roles: &[&str]) -> bool {
        roles.iter().any(|role| self.has(role))
    }

    /// As it stands in events.
    pub fn actor(&self) -> Actor {
        Actor {
            kind: self.kind.into(),
            id: self.subject.clone(),
        }
    }
}

/// The caller. Fails only when the server runs without the sign-in layer.
pub fn identity<T>(request: &Request<T>) -> Result<&Identity, Status> {
    request
        .extensions()
        .get::<Identity>()
        .ok_or_else(|| status(Refusal::new(&TOKEN_MISSING, "the call is not signed in")))
}

/// The tenant that the call acts for.
pub fn tenant<T>(request: &Request<T>) -> Result<TenantId, Status> {
    identity(request)?
        .tenant
        .clone()
        .ok_or_else(|| status(Refusal::new(&TENANT_REQUIRED, "the call names no tenant")))
}
