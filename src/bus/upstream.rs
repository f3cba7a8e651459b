//! What may be said to the keeper of the provider's connections, and what it answers.

use crate::detect::Screened;
use crate::openai::Call;
use crate::types::Sensitive;
use actix::Message;
use actix_web::http::{
    StatusCode,
    header::{HeaderMap, HeaderValue},
};
use bytes::Bytes;
use futures_util::stream::LocalBoxStream;
use send_wrapper::SendWrapper;

/// Send this call. Only a screened call can be sent. Dropping the reply's future, or later its
/// body, ends the provider's connection.
#[derive(Message)]
#[rtype(result = "Result<UpstreamReply, UpstreamError>")]
pub struct Forward {
    /// The call, authorised and screened.
    pub call: Screened<Call>,
    /// The headers that travel on, already without ours and the hop-by-hop ones.
    pub headers: HeaderMap,
    /// The provider key as an `Authorization` value.
    pub provider_key: Sensitive<HeaderValue>,
    /// What streams in behind the call's own bytes.
    pub rest: Option<Rest>,
}

/// The rest of an upload.
pub struct Rest {
    /// The whole body's length, where it is known.
    pub length: Option<u64>,
    /// The bytes behind the call's own; an error ends the provider's call. Asker and actor share the thread.
    pub body: SendWrapper<LocalBoxStream<'static, Result<Bytes, UploadCut>>>,
}

/// The upload ended early.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("the upload ended early")]
pub struct UploadCut;

/// The head of the provider's answer and its body as it comes.
pub struct UpstreamReply {
    /// The provider's status.
    pub status: StatusCode,
    /// The provider's headers, all of them.
    pub headers: HeaderMap,
    /// The length that the provider announced.
    pub content_length: Option<u64>,
    /// The body; an early end is an error. Asker and actor share the thread.
    pub body: SendWrapper<LocalBoxStream<'static, Result<Bytes, UpstreamError>>>,
}

/// Whose fault a failed call was. Nothing here is retried by the gate: the call may have been made.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum UpstreamError {
    /// No connection: name, network or TLS.
    #[error("the provider cannot be reached")]
    Unreachable,
    /// The connection broke before the head.
    #[error("the provider closed the connection without an answer")]
    Disconnected,
    /// The head cannot be read.
    #[error("the provider's answer cannot be read")]
    Invalid,
    /// No head in time.
    #[error("the provider did not answer in time")]
    Timeout,
    /// The body ended early.
    #[error("the provider's answer was cut")]
    Cut,
}
