//! What an outgoing call carries beside its message.

use std::time::{Duration, Instant};

use ordo_event_log::TenantId;
use ordo_projection::ReactionContext;
use ordo_proto::log::EventMetadata;
use tonic::{Request, Status, metadata::MetadataValue, service::Interceptor};

use crate::{
    auth::TokenSource,
    identity::identity,
    reason::OWN_TOKEN_UNAVAILABLE,
    refusal::{Refusal, status},
    trace::{
        CAUSATION_HEADER, CORRELATION_HEADER, CallContext, TRACEPARENT_HEADER, traceparent_or,
    },
};

/// For whom and why an outgoing call is made.
#[derive(Clone, Debug, Default)]
pub struct Call {
    tenant: Option<TenantId>,
    traceparent: String,
    correlation_id: String,
    causation_id: String,
    deadline: Option<Instant>,
    timeout: Option<Duration>,
}

impl Call {
    /// A call for no tenant in particular: logs, probes.
    pub fn system() -> Self {
        Self::default()
    }

    /// A call for `tenant` that follows from nothing.
    pub fn new(tenant: &TenantId) -> Self {
        Self {
            tenant: Some(tenant.clone()),
            ..Self::default()
        }
    }

    /// A call that follows from an event: `metadata` is what a reaction's context gives for its commands.
    pub fn from_metadata(tenant: &TenantId, metadata: &EventMetadata) -> Self {
        Self {
            tenant: Some(tenant.clone()),
            traceparent: metadata.traceparent.clone(),
            correlation_id: metadata.correlation_id.clone(),
            causation_id: metadata.causation_id.clone(),
            deadline: None,
            timeout: None,
        }
    }

    /// A call made while answering `request`: same tenant, same trace, and no more time than is left.
    pub fn from_request<T>(request: &Request<T>) -> Result<Self, Status> {
        let mut call = Self {
            tenant: identity(request)?.tenant.clone(),
            ..Self::default()
        };
        if let Some(context) = request.extensions().get::<CallContext>() {
            call.traceparent.clone_from(&context.traceparent);
            call.correlation_id.clone_from(&context.correlation_id);
            call.causation_id.clone_from(&context.causation_id);
            call.deadline = context.deadline;
        }
        Ok(call)
    }

    /// A call that a reaction makes: for the event's tenant, in its trace, caused by it.
    pub fn from_reaction(context: &ReactionContext) -> Self {
        Self::from_metadata(context.tenant(), &context.metadata())
    }

    /// Gives up after `timeout`, instead of the client's default.
    #[must_use]
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = Some(timeout);
        self
    }
}

/// Puts token, tenant, trace and deadline on every call of a client.
#[derive(Clone, Debug)]
pub struct CallSigner {
    pub(crate) call: Call,
    pub(crate) tokens: TokenSource,
    pub(crate) default_timeout: Option<Duration>,
}

impl Interceptor for CallSigner {
    fn call(&mut self, mut request: Request<()>) -> Result<Request<()>, Status> {
        let token = self.tokens.token().map_err(|error| {
            tracing::warn!(error = %error, "no token to present");
            status(Refusal::new(
                &OWN_TOKEN_UNAVAILABLE,
                OWN_TOKEN_UNAVAILABLE.meaning,
            ))
        })?;
        let traceparent = traceparent_or(&self.call.traceparent);
        let bearer = format!("Bearer {token}");
        let headers = [
            ("authorization", bearer.as_str()),
            (
                "ordo-tenant",
                self.call.tenant.as_ref().map_or("", TenantId::as_str),
            ),
            (TRACEPARENT_HEADER, traceparent.as_str()),
            (CORRELATION_HEADER, self.call.correlation_id.as_str()),
            (CAUSATION_HEADER, self.call.causation_id.as_str()),
        ];
        for (name, value) in headers {
            // A value that metadata cannot hold is left out: the call is still the call.
            if let (false, Ok(value)) = (value.is_empty(), MetadataValue::try_from(value)) {
                request.metadata_mut().insert(name, value);
            }
        }
        let left = self
            .call
            .deadline
            .map(|deadline| deadline.saturating_duration_since(Instant::now()));
        let timeout = self.call.timeout.or(self.default_timeout);
        // A deadline that was set on the request itself stands.
        if request.metadata().contains_key("grpc-timeout") {
            return Ok(request);
        }
        if let Some(timeout) = [left, timeout].into_iter().flatten().min() {
            request.set_timeout(timeout);
        }
        Ok(request)
    }
}
