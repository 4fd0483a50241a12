//! Count, duration and outcome of every call.

use std::{
    pin::Pin,
    task::{Context, Poll},
    time::Instant,
};

use bytes::Bytes;
use http::HeaderMap;
use http_body::{Frame, SizeHint};
use tonic::{Code, Status, body::Body};
use tracing::Span;

use crate::reason::code_name;

/// One call from its first header to its last byte. A call that is dropped before counts as CANCELLED.
#[derive(Debug)]
pub(crate) struct Observation {
    method: &'static str,
    begun: Instant,
    code: Option<Code>,
    span: Span,
}

impl Observation {
    pub(crate) fn begin(method: &'static str, span: Span) -> Self {
        metrics::gauge!("ordo_rpc_in_flight").increment(1);
        Self {
            method,
            begun: Instant::now(),
            code: None,
            span,
        }
    }

    /// Looks at the response's headers: a refusal has its code there.
    pub(crate) fn head(&mut self, headers: &HeaderMap) {
        self.code = code_in(headers);
    }
}

impl Drop for Observation {
    fn drop(&mut self) {
        metrics::gauge!("ordo_rpc_in_flight").decrement(1);
        let code = code_name(self.code.unwrap_or(Code::Cancelled));
        let seconds = self.begun.elapsed().as_secs_f64();
        let labels = [("method", self.method), ("code", code)];
        metrics::counter!("ordo_rpc_requests_total", &labels).increment(1);
        metrics::histogram!("ordo_rpc_request_seconds", &labels).record(seconds);
        let _entered = self.span.enter();
        tracing::debug!(code, seconds, "call ended");
    }
}

/// A response body that notices how the call ends.
pub(crate) struct Observed {
    body: Body,
    observation: Option<Observation>,
}

impl Observed {
    pub(crate) fn new(body: Body, observation: Observation) -> Self {
        Self {
            body,
            observation: Some(observation),
        }
    }
}

impl http_body::Body for Observed {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        let polled = Pin::new(&mut self.body).poll_frame(cx);
        let ended = match &polled {
            Poll::Ready(Some(Ok(frame))) => frame.trailers_ref().and_then(code_in),
            Poll::Ready(Some(Err(status))) => Some(status.code()),
            Poll::Ready(None) => self
                .observation
                .as_ref()
                .map(|observation| observation.code.unwrap_or(Code::Ok)),
            Poll::Pending => None,
        };
        if let (Some(code), Some(mut observation)) =
            (ended, self.observation.take_if(|_| ended.is_some()))
        {
            observation.code = Some(code);
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

fn code_in(headers: &HeaderMap) -> Option<Code> {
    headers
        .get("grpc-status")
        .map(|value| Code::from_bytes(value.as_bytes()))
}
