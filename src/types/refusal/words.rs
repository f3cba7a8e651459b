//! What callers read when they are refused.
//!
//! Owns the sentences: what happened and what to do next. They must never say what would have been
//! allowed.

use super::Refusal;
use std::borrow::Cow;

impl Refusal {
    /// What the caller reads: what happened and what to do next.
    pub fn message(&self) -> Cow<'static, str> {
        match self {
            Self::Malformed { message, .. } | Self::UnsupportedMedia { message } => message.clone(),
            Self::LimitReached { kind, limit, retry_after_secs } => Cow::Owned(format!(
                "The limit of {kind} ({limit}) is reached. Try again in {retry_after_secs} s."
            )),
            Self::HeadTooLarge { limit_bytes } => {
                Cow::Owned(format!("The request's head is over the limit of {limit_bytes} bytes."))
            }
            Self::BodyTooLarge { limit_bytes } => {
                Cow::Owned(format!("The request body is over the limit of {limit_bytes} bytes."))
            }
            Self::Unavailable { what } => Cow::Owned(format!(
                "The gate cannot take this request now ({what}). Try again shortly."
            )),
            fixed => Cow::Borrowed(fixed.fixed_message()),
        }
    }

    /// The message of those that always say the same.
    const fn fixed_message(&self) -> &'static str {
        match self {
            Self::InvalidIdentity => {
                "The agent token is missing or not valid. Send 'Authorization: Bearer <agent JWT>'; \
                 get one from POST /api/v1/auth/token."
            }
            Self::ExpiredIdentity => {
                "The agent token has expired. Fetch a new one from POST /api/v1/auth/token."
            }
            Self::DetectionKeyMissing => {
                "Detection key required for proxy endpoints. Add X-Detection-Key header."
            }
            Self::AgentSuspended => "This agent is suspended. Ask its administrator.",
            Self::AgentQuarantined => {
                "This agent is quarantined until an administrator reviews it."
            }
            Self::AgentRevoked => "This agent is revoked. Ask its administrator.",
            Self::ProviderKeyMissing => {
                "No provider key. Send your OpenAI API key in the X-OpenAI-Key header."
            }
            Self::PermissionDenied => {
                "The agent's role does not permit this kind of request. Give the decision id in \
                 x-portcullis-decision to your administrator."
            }
            Self::ModelNotAllowed => {
                "The policy does not permit this agent to use the requested model. Give the \
                 decision id in x-portcullis-decision to your administrator."
            }
            Self::ToolNotAllowed => {
                "The policy does not permit this agent to use the tool that tool_choice names. Give \
                 the decision id in x-portcullis-decision to your administrator."
            }
            Self::ContentBlocked => "Content blocked due to policy violations",
            Self::Unscreenable => {
                "The answer could not be screened as the policy demands, so it was stopped. Give the \
                 decision id in x-portcullis-decision to your administrator."
            }
            Self::UnknownEndpoint => "The gate does not serve this endpoint.",
            Self::MethodNotAllowed => "The gate does not serve this method on this endpoint.",
            Self::EndpointForbidden => "This endpoint is never served through the gate.",
            Self::ObjectNotFound => {
                "The call names an object that you did not make through the gate. With the gate's \
                 provider key only your own files, batches, responses and stored completions can be \
                 named, and none of the provider's conversations, prompts or vector stores."
            }
            Self::InputFileNotAllowed => {
                "The batch's input file was not uploaded by you through the gate. Upload it with \
                 purpose 'batch' first."
            }
            Self::BodyTooSlow => "The request body did not arrive in time. Send it again.",
            Self::UpstreamUnreachable => "The provider cannot be reached. Try again shortly.",
            Self::UpstreamInvalid => "The provider's answer cannot be read.",
            Self::UpstreamTimeout => "The provider did not answer in time.",
            Self::Malformed { .. }
            | Self::UnsupportedMedia { .. }
            | Self::LimitReached { .. }
            | Self::HeadTooLarge { .. }
            | Self::BodyTooLarge { .. }
            | Self::Unavailable { .. } => "",
        }
    }
}
