//! Joins the spans of this crate to the traces of the commands that caused the events.
//!
//! This crate knows nothing of OpenTelemetry. The process installs two functions once, before it starts anything:
//!
//! ```
//! ordo_projection::install_trace_hooks(ordo_projection::TraceHooks {
//!     set_span_parent: |_span, _traceparent| { /* span.set_parent(context of traceparent) */ },
//!     current_traceparent: || None, // traceparent of tracing::Span::current()
//! });
//! ```

use std::sync::OnceLock;

use ordo_event_log::RecordedEvent;
use tracing::Span;

/// What the process's telemetry offers.
#[derive(Clone, Copy)]
pub struct TraceHooks {
    /// Makes the W3C trace context in the second argument the parent of a span that was not entered yet.
    pub set_span_parent: fn(&Span, &str),
    /// W3C trace context of the current span, if it is recorded.
    pub current_traceparent: fn() -> Option<String>,
}

static HOOKS: OnceLock<TraceHooks> = OnceLock::new();

/// Installs the hooks. Only the first call counts; it says whether this was it.
pub fn install_trace_hooks(hooks: TraceHooks) -> bool {
    HOOKS.set(hooks).is_ok()
}

pub(crate) fn set_parent(span: &Span, traceparent: &str) {
    if let Some(hooks) = HOOKS.get() {
        (hooks.set_span_parent)(span, traceparent);
    }
}

pub(crate) fn current_traceparent() -> Option<String> {
    HOOKS.get().and_then(|hooks| (hooks.current_traceparent)())
}

/// Span of one reaction to something that `traceparent` caused; disabled when that is empty.
pub(crate) fn react_span(reaction: &str, entity: &str, cause: &str, traceparent: &str) -> Span {
    if traceparent.is_empty() {
        return Span::none();
    }
    let name = format!("react {reaction}");
    let span = tracing::info_span!(
        "react",
        otel.name = name,
        otel.kind = "consumer",
        reaction,
        entity,
        cause
    );
    set_parent(&span, traceparent);
    span
}

/// Spans per batch that a projection opens at most.
const SPANS_PER_BATCH: usize = 16;

/// Spans of a projection over those of `events` whose commands were sampled; they end when dropped.
pub(crate) fn project_spans<'a>(
    projection: &str,
    events: impl Iterator<Item = &'a RecordedEvent>,
) -> Vec<Span> {
    if HOOKS.get().is_none() {
        return Vec::new();
    }
    events
        .filter(|event| sampled(&event.metadata.traceparent))
        .take(SPANS_PER_BATCH)
        .map(|event| {
            let name = format!("project {projection}");
            let event_type = event.short_type();
            let position = event.position;
            let span = tracing::info_span!(
                "project",
                otel.name = name,
                otel.kind = "consumer",
                event_type,
                position
            );
            set_parent(&span, &event.metadata.traceparent);
            span
        })
        .collect()
}

/// Whether the W3C trace context says that the trace is recorded: the lowest bit of its last field.
fn sampled(traceparent: &str) -> bool {
    traceparent
        .rsplit('-')
        .next()
        .filter(|flags| flags.len() == 2 && traceparent.len() >= 55)
        .and_then(|flags| u8::from_str_radix(flags, 16).ok())
        .is_some_and(|flags| flags & 1 == 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sampled_bit_is_read() {
        assert!(sampled(
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
        ));
        assert!(sampled(
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-03"
        ));
        assert!(!sampled(
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00"
        ));
        for broken in [
            "",
            "01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-",
            "é-é-01",
        ] {
            assert!(!sampled(broken), "{broken}");
        }
    }
}
