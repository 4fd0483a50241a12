//! W3C trace context in and out of calls, and the context of one incoming call.

use std::time::Instant;

use http::HeaderMap;
use opentelemetry::{propagation::Extractor, trace::TraceContextExt as _};
use tracing_opentelemetry::OpenTelemetrySpanExt as _;
use uuid::Uuid;

/// Shared by everything that follows from one outside call.
pub(crate) const CORRELATION_HEADER: &str = "ordo-correlation-id";
/// Event that made a service call; taken from service tokens only.
pub(crate) const CAUSATION_HEADER: &str = "ordo-causation-id";
/// W3C trace context.
pub(crate) const TRACEPARENT_HEADER: &str = "traceparent";

/// What came with an incoming call beside its message; in the request's extensions.
#[derive(Clone, Debug)]
pub struct CallContext {
    /// Of the call as it arrived; empty when it carried none.
    pub traceparent: String,
    /// Given by the caller, or new.
    pub correlation_id: String,
    /// Empty unless another service said which event made it call.
    pub causation_id: String,
    /// When the answer is no longer wanted. `None` for streams without a deadline.
    pub deadline: Option<Instant>,
}

impl CallContext {
    /// Reads the headers. `from_service`: the caller is trusted with a causation id.
    pub(crate) fn read(headers: &HeaderMap, from_service: bool, deadline: Option<Instant>) -> Self {
        let text = |name: &str| {
            headers
                .get(name)
                .and_then(|value| value.to_str().ok())
                .filter(|text| text.len() <= 100 && text.bytes().all(|b| b.is_ascii_graphic()))
                .map(str::to_owned)
        };
        Self {
            traceparent: text(TRACEPARENT_HEADER)
                .filter(|value| is_traceparent(value))
                .unwrap_or_default(),
            correlation_id: text(CORRELATION_HEADER).unwrap_or_else(|| Uuid::now_v7().to_string()),
            causation_id: from_service
                .then(|| text(CAUSATION_HEADER))
                .flatten()
                .unwrap_or_default(),
            deadline,
        }
    }
}

/// The present span's context, when it is traced; otherwise `fallback`.
pub(crate) fn traceparent_or(fallback: &str) -> String {
    current_traceparent().unwrap_or_else(|| fallback.to_owned())
}

/// The present span's W3C `traceparent`; `None` when tracing is off.
pub fn current_traceparent() -> Option<String> {
    let context = tracing::Span::current().context();
    let span = context.span().span_context().clone();
    span.is_valid().then(|| {
        format!(
            "00-{}-{}-{:02x}",
            span.trace_id(),
            span.span_id(),
            span.trace_flags().to_u8()
        )
    })
}

/// Makes the span of `traceparent` the parent of `span`. Does nothing when tracing is off or the text is not a trace context.
pub fn set_span_parent(span: &tracing::Span, traceparent: &str) {
    if traceparent.is_empty() {
        return;
    }
    let context = opentelemetry::global::get_text_map_propagator(|propagator| {
        propagator.extract(&One(traceparent))
    });
    if context.span().span_context().is_valid() {
        // Fails only when no tracing layer is installed.
        let _ = span.set_parent(context);
    }
}

/// A carrier of one `traceparent`.
struct One<'a>(&'a str);

impl Extractor for One<'_> {
    fn get(&self, key: &str) -> Option<&str> {
        (key == TRACEPARENT_HEADER).then_some(self.0)
    }

    fn keys(&self) -> Vec<&str> {
        vec![TRACEPARENT_HEADER]
    }
}

/// `00-<32 hex>-<16 hex>-<2 hex>` (https://www.w3.org/TR/trace-context/).
fn is_traceparent(text: &str) -> bool {
    let parts: Vec<&str> = text.split('-').collect();
    let hex = |part: &str, length: usize| {
        part.len() == length
            && part
                .bytes()
                .all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
    };
    matches!(parts.as_slice(), [version, trace, span, flags]
        if hex(version, 2) && *version != "ff" && hex(trace, 32) && hex(span, 16) && hex(flags, 2))
}
