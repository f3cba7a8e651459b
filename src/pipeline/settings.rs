//! What serving a call needs of the configuration, made ready once.
//!
//! Owns nothing that changes. It must never show a provider key.

use super::{Budget, headers};
use crate::config::{BlockedStatus, Config, StreamDetection, UnknownEndpoints, WhenFull};
use crate::detect::StreamSettings;
use crate::openai::ReadOptions;
use crate::types::Sensitive;
use actix_web::http::header::{HeaderValue, InvalidHeaderValue};
use std::{collections::HashMap, sync::Arc, time::Duration};

/// What serving a call needs of the configuration.
#[derive(Clone, Debug)]
pub struct GateSettings {
    pub(super) node: Arc<str>,
    pub(super) sandbox: bool,
    /// The URL that clients know this gate by, where it is configured.
    pub(super) public_url: Option<String>,
    /// `iss` of the gate's own tokens.
    pub(super) token_issuer: String,
    pub(super) provider_key: Option<Sensitive<HeaderValue>>,
    /// The keys that AppContexts refer to, by name.
    pub(super) provider_keys: HashMap<String, Sensitive<HeaderValue>>,
    /// Whether callers may bring keys of their own.
    pub(super) caller_keys: bool,
    pub(super) forward_unknown: bool,
    pub(super) header_limit: usize,
    pub(super) body_limit: usize,
    pub(super) upload_limit: usize,
    pub(super) budget: Budget,
    pub(super) body_timeout: Duration,
    pub(super) ping_every: Duration,
    pub(super) idle_timeout: Duration,
    pub(super) read_options: ReadOptions,
    /// Blocked calls are answered in the provider's own shape where there is one, not with 451.
    pub(super) blocked_as_answer: bool,
    /// What happens to calls that there is no room to record.
    pub(super) when_full: WhenFull,
    /// Callers get receipts.
    pub(super) receipts: bool,
    pub(super) streams: StreamSettings,
}

impl GateSettings {
    /// Fails when a configured provider key cannot stand in a header.
    pub fn of(config: &Config, sandbox: bool) -> Result<Self, InvalidHeaderValue> {
        let authorization =
            |key: &Sensitive<String>| headers::bearer(key.expose()).map(Sensitive::new);
        let provider_key = config.upstream.api_key.as_ref().map(authorization).transpose()?;
        let named = config.provider_keys.iter();
        let provider_keys = named
            .map(|(name, key)| Ok((name.clone(), authorization(key)?)))
            .collect::<Result<_, InvalidHeaderValue>>()?;
        let limits = &config.limits;
        if !config.upstream.caller_keys && provider_key.is_none() {
            tracing::warn!(
                "upstream.caller_keys is false and upstream.api_key is not set: only callers of AppContexts \
                 with a provider key are served"
            );
        }
        Ok(Self {
            node: config.server.node.as_str().into(),
            sandbox,
            public_url: config.server.public_url.clone(),
            token_issuer: config.auth.issuer.clone(),
            provider_key,
            provider_keys,
            caller_keys: config.upstream.caller_keys,
            forward_unknown: config.endpoints.unknown == UnknownEndpoints::ForwardUnscreened,
            header_limit: limits.header_bytes,
            body_limit: limits.body_bytes.min(limits.held_upload_bytes),
            upload_limit: limits.upload_bytes,
            budget: Budget::new(limits.held_upload_bytes, limits.body_bytes),
            body_timeout: Duration::from_secs(config.server.body_timeout_secs),
            ping_every: Duration::from_secs(config.server.ping_every_secs),
            idle_timeout: Duration::from_secs(config.upstream.idle_timeout_secs),
            read_options: ReadOptions {
                request_stream_usage: config.upstream.request_stream_usage,
                collect_references: false,
                collect_texts: true,
            },
            blocked_as_answer: config.detection.blocked_status == BlockedStatus::Answer,
            when_full: config.audit.when_full,
            receipts: config.audit.receipts,
            streams: StreamSettings {
                inline: config.detection.stream == StreamDetection::Inline,
                held_bytes: config.detection.held_bytes,
            },
        })
    }
}
