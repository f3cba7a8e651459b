//! One external issuer, from its settings.
//!
//! Owns the checks that the configuration alone cannot make: claims, roles, types and trusted roots.

use crate::config::{IssuerSettings, UnknownAgents};
use crate::identity::{
    ClaimPath, Issuer, NameError, SignatureAlgorithm, check_agent_type, check_role_name,
};
use crate::tls::{TlsError, client_config};
use rustls::ClientConfig;
use std::sync::Arc;

/// One external issuer as configured.
#[derive(Clone, Debug)]
pub struct ExternalIssuer {
    pub(super) settings: Arc<Issuer>,
    pub(super) creates_agents: bool,
    /// `None`: its metadata says where.
    pub(super) jwks_url: Option<String>,
    pub(super) tls: Arc<ClientConfig>,
}

/// Why an issuer's settings cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum IssuerError {
    /// The file of its authorities.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// A claim cannot be one.
    #[error(
        "issuers.{issuer}.{key}: not a claim's name or path; write one such as sub or realm_access.roles"
    )]
    Claim {
        /// The issuer's name.
        issuer: String,
        /// The setting.
        key: &'static str,
    },
    /// A role or the type of its agents breaks the rules.
    #[error("issuers.{issuer}.{key}: {error}")]
    Name {
        /// The issuer's name.
        issuer: String,
        /// The setting.
        key: &'static str,
        /// What is wrong.
        error: NameError,
    },
}

impl ExternalIssuer {
    /// Reads the settings of `[issuers.NAME]`.
    pub fn of(name: &str, settings: &IssuerSettings) -> Result<Self, IssuerError> {
        let refused = |key, error| IssuerError::Name { issuer: name.to_owned(), key, error };
        check_agent_type(&settings.agent_type).map_err(|error| refused("agent_type", error))?;
        for (_, role) in &settings.role_map {
            check_role_name(role).map_err(|error| refused("role_map", error))?;
        }
        let claim = |key, text: &str| {
            let issuer = || name.to_owned();
            ClaimPath::parse(text).ok_or_else(|| IssuerError::Claim { issuer: issuer(), key })
        };
        let algorithms = settings.algorithms.iter();
        let issuer = Issuer {
            name: name.into(),
            issuer: settings.issuer.clone(),
            audience: settings.audience.clone(),
            algorithms: algorithms.filter_map(|text| SignatureAlgorithm::parse(text)).collect(),
            agent_claim: claim("agent_claim", &settings.agent_claim)?,
            roles_claim: claim("roles_claim", &settings.roles_claim)?,
            role_map: settings.role_map.clone(),
            agent_type: settings.agent_type.clone(),
        };
        let ca_file = settings.ca_file.as_deref();
        Ok(Self {
            settings: Arc::new(issuer),
            creates_agents: settings.unknown_agents == UnknownAgents::Create,
            jwks_url: settings.jwks_url.clone(),
            tls: client_config(&format!("issuers.{name}.ca_file"), ca_file)?,
        })
    }
}
