//! Answers that the gateway makes itself, and the body type of all answers.

use bytes::Bytes;
use http::{HeaderValue, Response, StatusCode, header};
use hyper::body::{Body, Frame, SizeHint};
use serde_json::Value;
use std::{
    io,
    pin::Pin,
    task::{Context, Poll},
};

/// A JSON answer. A status that is none becomes 500.
pub(crate) fn json(status: u16, body: &Value) -> Response<Bytes> {
    let mut response = Response::new(body.to_string().into());
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

/// An answer's body, whole or cut.
pub(crate) struct AnswerBody {
    promised: u64,
    data: Bytes,
    then: Then,
}

/// What follows the data.
enum Then {
    End,
    /// Time for the data to leave, then the break.
    Flush,
    Break,
}

impl AnswerBody {
    /// The whole body.
    pub(crate) fn whole(data: Bytes) -> Self {
        Self { promised: data.len() as u64, data, then: Then::End }
    }

    /// Half of the body (rounded down), after which the connection breaks.
    pub(crate) fn cut(data: Bytes) -> Self {
        Self { promised: data.len() as u64, data: data.slice(..data.len() / 2), then: Then::Flush }
    }
}

impl Body for AnswerBody {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        if !self.data.is_empty() {
            return Poll::Ready(Some(Ok(Frame::data(std::mem::take(&mut self.data)))));
        }
        match self.then {
            Then::End => Poll::Ready(None),
            Then::Flush => {
                // hyper writes out what it has when a body makes it wait, and drops it when a body fails.
                self.then = Then::Break;
                cx.waker().wake_by_ref();
                Poll::Pending
            }
            Then::Break => Poll::Ready(Some(Err(io::ErrorKind::ConnectionAborted.into()))),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.data.is_empty() && matches!(self.then, Then::End)
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.promised)
    }
}
