//! What happens to every call before its handler runs: sign-in, roles, load shedding, deadline, trace, metrics.

use std::{
    convert::Infallible,
    panic::AssertUnwindSafe,
    sync::Arc,
    task::{Context, Poll},
    time::{Duration, Instant},
};

use futures::{FutureExt as _, future::BoxFuture};
use http::{HeaderMap, Request, Response};
use tokio::sync::Semaphore;
use tonic::{Code, Status, body::Body};
use tower::{Layer, Service};
use tracing::Instrument as _;

use crate::{
    auth::Authenticator,
    identity::{Identity, role},
    observe::{Observation, Observed},
    reason::{
        DEADLINE, INTERNAL, METHOD_CLOSED, OVERLOADED, REQUEST_TOO_LARGE, REQUEST_UNREADABLE,
        ROLE_MISSING, STARTING,
    },
    refusal::Refusal,
    roles::MethodRoles,
    trace::{CallContext, TRACEPARENT_HEADER, set_span_parent},
};

/// Limits of a server.
#[derive(Clone, Copy, Debug)]
pub struct RpcLimits {
    /// Calls being handled at once; one more is answered with `OVERLOADED` at once instead of waiting. Default 1024.
    pub max_in_flight: usize,
    /// Deadline of a unary call that sets none. Default 30 s.
    pub default_deadline: Duration,
    /// Longest deadline of a unary call. Default 120 s.
    pub max_deadline: Duration,
}

impl Default for RpcLimits {
    fn default() -> Self {
        Self {
            max_in_flight: 1024,
            default_deadline: Duration::from_secs(30),
            max_deadline: Duration::from_secs(120),
        }
    }
}

/// Wraps a server's routes. Health and reflection pass without a token; everything else needs one, a role that
/// [`MethodRoles`] allows, and a free place.
#[derive(Clone, Debug)]
pub struct RpcLayer(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    authenticator: Arc<Authenticator>,
    roles: MethodRoles,
    limits: RpcLimits,
    places: Semaphore,
}

impl RpcLayer {
    /// A layer for one server.
    pub fn new(authenticator: Arc<Authenticator>, roles: MethodRoles, limits: RpcLimits) -> Self {
        Self(Arc::new(Shared {
            authenticator,
            roles,
            limits,
            places: Semaphore::new(limits.max_in_flight.min(Semaphore::MAX_PERMITS)),
        }))
    }
}

impl<S> Layer<S> for RpcLayer {
    type Service = RpcService<S>;

    fn layer(&self, inner: S) -> Self::Service {
        RpcService {
            inner,
            shared: Arc::clone(&self.0),
        }
    }
}

/// Routes behind a [`RpcLayer`].
#[derive(Clone, Debug)]
pub struct RpcService<S> {
    inner: S,
    shared: Arc<Shared>,
}

impl<S> Service<Request<Body>> for RpcService<S>
where
    S: Service<Request<Body>, Response = Response<Body>, Error = Infallible>
        + Clone
        + Send
        + 'static,
    S::Future: Send,
{
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<Response<Body>, Infallible>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        // The ready one serves this call; its clone gets ready for the next.
        let clone = self.inner.clone();
        let inner = std::mem::replace(&mut self.inner, clone);
        let shared = Arc::clone(&self.shared);
        Box::pin(async move { Ok(shared.observe(inner, request).await) })
    }
}

impl Shared {
    async fn observe<S>(&self, inner: S, request: Request<Body>) -> Response<Body>
    where
        S: Service<Request<Body>, Response = Response<Body>, Error = Infallible>,
    {
        let path = request.uri().path();
        let open = MethodRoles::is_open(path);
        let method = self.roles.known(path).unwrap_or("other");
        let span = tracing::info_span!(
            "rpc",
            otel.name = method,
            otel.kind = "server",
            tenant = tracing::field::Empty,
            subject = tracing::field::Empty,
        );
        if let Some(parent) = request.headers().get(TRACEPARENT_HEADER) {
            set_span_parent(&span, parent.to_str().unwrap_or_default());
        }
        let mut observation = Observation::begin(method, span.clone());
        let answer = async {
            if open {
                let mut inner = inner;
                return inner
                    .call(request)
                    .await
                    .unwrap_or_else(|never| match never {});
            }
            match self.admit(&request) {
                Ok(admitted) => self.handle(inner, request, admitted).await,
                Err(refusal) => Status::from(refusal).into_http(),
            }
        };
        let response = AssertUnwindSafe(answer.instrument(span))
            .catch_unwind()
            .await;
        let response = response.unwrap_or_else(|_| {
            tracing::error!(method, "the handler panicked");
            Status::from(Refusal::new(&INTERNAL, INTERNAL.meaning)).into_http()
        });
        observation.head(response.headers());
        response.map(|body| Body::new(Observed::new(body, observation)))
    }

    /// Token and role.
    fn admit(&self, request: &Request<Body>) -> Result<Identity, Refusal> {
        let path = request.uri().path();
        let identity = self.authenticator.authenticate(request.headers())?;
        let span = tracing::Span::current();
        span.record("subject", identity.subject.as_str());
        if let Some(tenant) = &identity.tenant {
            span.record("tenant", tenant.as_str());
        }
        let allowed = self
            .roles
            .allowed(path)
            .ok_or_else(|| match self.roles.is_starting() {
                true => Refusal::new(&STARTING, STARTING.meaning),
                false => Refusal::new(&METHOD_CLOSED, format!("{path} is open to nobody")),
            })?;
        if !identity.has_any(allowed) {
            let message = format!("{path} needs one of the roles {}", allowed.join(", "));
            return Err(
                Refusal::new(&ROLE_MISSING, message).with("allowed_roles", allowed.join(","))
            );
        }
        Ok(identity)
    }

    async fn handle<S>(
        &self,
        mut inner: S,
        mut request: Request<Body>,
        identity: Identity,
    ) -> Response<Body>
    where
        S: Service<Request<Body>, Response = Response<Body>, Error = Infallible>,
    {
        // Held until the response begins: a stream that is being read does not occupy a place.
        let Ok(_place) = self.places.try_acquire() else {
            return Status::from(Refusal::new(&OVERLOADED, OVERLOADED.meaning)).into_http();
        };
        let limit = self.time_allowed(request.uri().path(), request.headers());
        let deadline = limit.map(|limit| Instant::now() + limit);
        let context = CallContext::read(request.headers(), identity.has(role::SERVICE), deadline);
        request.extensions_mut().insert(context);
        request.extensions_mut().insert(identity);
        let answer = inner.call(request);
        let answer = match limit {
            Some(limit) => match tokio::time::timeout(limit, answer).await {
                Ok(answer) => answer,
                Err(_) => {
                    return Status::from(Refusal::new(&DEADLINE, DEADLINE.meaning)).into_http();
                }
            },
            None => answer.await,
        };
        let answer = answer.unwrap_or_else(|never| match never {});
        match unread(answer.headers()) {
            Some(refusal) => Status::from(refusal).into_http(),
            None => answer,
        }
    }

    /// How long the call may take. Streams take as long as the client wants.
    fn time_allowed(&self, path: &str, headers: &HeaderMap) -> Option<Duration> {
        let wanted = headers
            .get("grpc-timeout")
            .and_then(|value| parse_timeout(value.to_str().ok()?));
        if self.roles.is_stream(path) {
            return wanted;
        }
        Some(
            wanted
                .unwrap_or(self.limits.default_deadline)
                .min(self.limits.max_deadline),
        )
    }
}

/// What the server itself says of a request that no handler has seen. What a handler refuses has details.
fn unread(headers: &HeaderMap) -> Option<Refusal> {
    let status = Status::from_header_map(headers).filter(|status| status.details().is_empty())?;
    let reason = match status.code() {
        Code::Internal => &REQUEST_UNREADABLE,
        Code::OutOfRange => &REQUEST_TOO_LARGE,
        _ => return None,
    };
    Some(Refusal::new(reason, status.message()))
}

/// `grpc-timeout`: at most eight digits and a unit.
fn parse_timeout(text: &str) -> Option<Duration> {
    let (digits, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    if digits.len() > 8 || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let count: u64 = digits.parse().ok()?;
    Some(match unit {
        "H" => Duration::from_secs(count * 3600),
        "M" => Duration::from_secs(count * 60),
        "S" => Duration::from_secs(count),
        "m" => Duration::from_millis(count),
        "u" => Duration::from_micros(count),
        "n" => Duration::from_nanos(count),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_timeout_header_is_read_in_every_unit_and_refused_when_malformed() {
        assert_eq!(parse_timeout("250m"), Some(Duration::from_millis(250)));
        assert_eq!(parse_timeout("2H"), Some(Duration::from_secs(7200)));
        assert_eq!(
            parse_timeout("99999999S"),
            Some(Duration::from_secs(99_999_999))
        );
        for text in ["", "m", "-1S", "1", "123456789S", "1x", "1é"] {
            assert_eq!(parse_timeout(text).filter(|d| !d.is_zero()), None, "{text}");
        }
    }
}
