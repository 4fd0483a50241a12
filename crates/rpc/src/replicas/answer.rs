//! What comes back once an answer has begun.

use std::{
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use bytes::Bytes;
use http::{HeaderMap, Response, StatusCode};
use http_body::{Frame, SizeHint};
use tonic::{Status, body::Body};

use super::Peer;

/// The rest of an answer. A connection may break here as well as before the first byte, and the caller is told the same.
pub(super) struct Answer {
    body: Body,
    peer: Arc<Peer>,
    /// Nothing has to follow any more.
    whole: bool,
}

impl Answer {
    pub(super) fn watched(response: Response<Body>, peer: Arc<Peer>) -> Response<Body> {
        // What is no answer of a gRPC server is for the client to judge.
        let whole = response.status() != StatusCode::OK || says_status(response.headers());
        response.map(|body| Body::new(Self { body, peer, whole }))
    }
}

impl http_body::Body for Answer {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        let polled = Pin::new(&mut self.body).poll_frame(cx);
        polled.map(|frame| match frame {
            Some(Ok(frame)) => {
                self.whole |= frame.trailers_ref().is_some_and(says_status);
                Some(Ok(frame))
            }
            Some(Err(status)) => {
                self.whole = true;
                Some(Err(self.peer.broken(status)))
            }
            // Some ends of a call come as the end of the body, for what is no gRPC need not have a last word.
            None if !self.whole => {
                self.whole = true;
                Some(Err(self.peer.unreachable("the answer is cut short")))
            }
            None => None,
        })
    }

    fn is_end_stream(&self) -> bool {
        self.whole && self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

fn says_status(headers: &HeaderMap) -> bool {
    headers.contains_key("grpc-status")
}
