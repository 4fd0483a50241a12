//! What every gRPC service shares: sign-in, errors, clients, the EventLog and Operations services.
//!
//! A handler reads from top to bottom:
//!
//! ```text
//! let tenant = rpc::tenant(&request)?;
//! let mut violations = Violations::new();
//! violations.require(!request.get_ref().order_id.is_empty(), "order_id", "must not be empty");
//! violations.finish()?;
//! let partition = self.log.partition_for(&tenant, &request.get_ref().order_id);
//! let command = rpc::command(&request, request.get_ref().header.as_ref(), partition)?;
//! let receipt = self.log.execute(command, move |unit| …).await.map_err(rpc::status)?;
//! Ok(Response::new(CancelOrderResponse { receipt: Some(rpc::receipt("intake", &receipt)), .. }))
//! ```

mod auth;
mod call;
mod checks;
mod command;
mod event_log_service;
mod identity;
mod layer;
mod mapping;
mod observe;
mod operations_service;
mod page;
mod reason;
mod refusal;
mod remote;
mod remote_log;
mod replicas;
mod roles;
mod trace;
mod verdict;
mod violations;

pub use auth::{
    Authenticator, AuthenticatorSettings, DEFAULT_AUDIENCE, DEFAULT_ISSUER, Grant, Jwks, JwksError,
    KeyError, TokenIssuer, TokenSource, TokenSourceError,
};
pub use call::{Call, CallSigner};
pub use checks::{CheckOutcome, Checks};
pub use command::{command, content, fingerprint, receipt};
pub use event_log_service::EventLogService;
pub use identity::{Identity, identity, role, tenant};
pub use layer::{RpcLayer, RpcLimits, RpcService};
pub use operations_service::OperationsService;
pub use page::{DEFAULT_PAGE_SIZE, MAX_PAGE_SIZE, next_page_token, page_key, page_size};
#[doc(hidden)]
pub use reason::trim as __private_trim;
pub use reason::{Reason, SHARED_REASONS, check_document, code_name, markdown};
pub use refusal::{DOMAIN, Refusal, status};
pub use remote::{
    Connecting, Connector, MAX_MESSAGE, Remote, RemoteError, RemoteSettings, SignedChannel,
    addresses,
};
pub use remote_log::{ASSUMED_PARTITIONS, RemoteLog, RemoteSource};
pub use replicas::PeerChannel;
pub use roles::MethodRoles;
pub use tonic::Code;
pub use trace::{CallContext, current_traceparent, set_span_parent};
pub use verdict::{Verdict, classify, is_unanswered, reaction_error, reason as reason_of};
pub use violations::Violations;

/// Reasons shared by every service, as constants to build a [`Refusal`] from.
pub mod shared {
    pub use crate::reason::{
        COMMAND_ID_REUSED, COMMAND_TOO_LARGE, CONFLICT, DEADLINE, INTERNAL, INVALID_REQUEST,
        LOG_DIVERGED, METHOD_CLOSED, OVERLOADED, OWN_TOKEN_UNAVAILABLE, PAGE_TOKEN_INVALID,
        PEER_NOT_CONFIGURED, READ_MODEL_BEHIND, ROLE_MISSING, SERVICE_UNREACHABLE, SHUTTING_DOWN,
        STARTING, STORE_UNAVAILABLE, STORED_DATA_UNREADABLE, TENANT_MISMATCH, TENANT_REQUIRED,
        TOKEN_AUDIENCE, TOKEN_EXPIRED, TOKEN_ISSUER, TOKEN_KEY_UNKNOWN, TOKEN_MALFORMED,
        TOKEN_MISSING, TOKEN_NOT_YET_VALID, TOKEN_SIGNATURE, UNKNOWN_NAME, UNKNOWN_PARTITION,
    };
}
