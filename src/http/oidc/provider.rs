//! The identity provider, as the gate knows it.
//!
//! Owns its documents (metadata and keys): fetched once for all who wait, not more often than every few seconds, and
//! good for a while if they cannot be renewed.

use super::CALLBACK_PATH;
use crate::config::Config;
use crate::identity::{
    ClaimPath, ExternalKeys, IdClaims, IdTokenError, SignInAttempt, SignInIssuer, TokenError,
    verify_id_token,
};
use crate::openid::{self, Code, Metadata, RedeemError};
use crate::tls::{TlsError, client_config};
use crate::types::{Sensitive, UnixMillis};
use rustls::ClientConfig;
use std::{
    fmt,
    sync::Arc,
    time::{Duration, Instant},
};
use tokio::sync::Mutex;
use url::Url;

const RENEW_AFTER: Duration = Duration::from_secs(300);
/// Keys that are not known ask for no more fetches than one in this time.
const FETCH_AGAIN_AFTER: Duration = Duration::from_secs(10);
/// After a failed fetch, whoever asks gets its answer for so long.
const RETRY_AFTER: Duration = Duration::from_secs(2);
/// Documents that could not be renewed for so long are not believed any more.
const STALE_AFTER: Duration = Duration::from_secs(24 * 3_600);

/// The identity provider of `[admin.oidc]`.
pub struct Oidc {
    /// What the sign-in form calls it.
    pub(in crate::http) name: String,
    pub(super) issuer: SignInIssuer,
    pub(super) public_url: String,
    client_secret: Option<Sensitive<String>>,
    scopes: String,
    tls: Arc<ClientConfig>,
    known: Mutex<Known>,
}

/// Why nobody was signed in.
#[derive(Debug)]
pub(super) enum Failure {
    /// The user, or the provider, did not want to.
    Denied,
    /// Another browser's, too late, or done before.
    Expired,
    /// The provider knows the user; the gate does not let the user in.
    NotAllowed(&'static str),
    /// Too many came in vain from the same address a moment ago.
    Busy,
    /// The provider could not be asked a moment ago, which the log says already.
    Resting,
    /// Something between gate and provider; for the log.
    Provider(String),
}

impl Failure {
    pub(super) fn provider(why: impl fmt::Display) -> Self {
        Self::Provider(why.to_string())
    }
}

#[derive(Default)]
struct Known {
    documents: Option<Arc<Documents>>,
    failed_at: Option<Instant>,
}

struct Documents {
    metadata: Metadata,
    keys: ExternalKeys,
    fetched_at: Instant,
}

impl Oidc {
    /// The provider of the configuration, if there is one.
    pub fn of(config: &Config) -> Result<Option<Self>, TlsError> {
        let settings = &config.admin.oidc;
        let tls = || client_config("admin.oidc.ca_file", settings.ca_file.as_deref());
        let issuer = || {
            Some(SignInIssuer {
                issuer: settings.issuer.clone()?,
                client_id: settings.client_id.clone()?,
                username_claim: ClaimPath::parse(&settings.username_claim)?,
                role_claim: ClaimPath::parse(&settings.role_claim)?,
                roles: settings.roles.clone(),
            })
        };
        let Some((issuer, public_url)) = issuer().zip(config.server.public_url.clone()) else {
            return Ok(None);
        };
        Ok(Some(Self {
            name: settings.name.clone(),
            issuer,
            public_url,
            client_secret: settings.client_secret.clone(),
            scopes: settings.scopes.clone(),
            tls: tls()?,
            known: Mutex::default(),
        }))
    }

    fn redirect_uri(&self) -> String {
        format!("{}{CALLBACK_PATH}", self.public_url)
    }

    /// Where the browser goes to sign in.
    pub(super) async fn address_for(&self, attempt: &SignInAttempt) -> Result<String, Failure> {
        let documents = self.documents(None).await?;
        let endpoint = documents.metadata.authorization_endpoint.as_deref();
        let endpoint =
            endpoint.ok_or_else(|| Failure::provider("its metadata name no place to sign in"))?;
        let mut address = Url::parse(endpoint).map_err(Failure::provider)?;
        address
            .query_pairs_mut()
            .append_pair("response_type", "code")
            .append_pair("client_id", &self.issuer.client_id)
            .append_pair("redirect_uri", &self.redirect_uri())
            .append_pair("scope", &self.scopes)
            .append_pair("state", &attempt.state())
            .append_pair("nonce", &attempt.nonce())
            .append_pair("code_challenge", &attempt.code_challenge())
            .append_pair("code_challenge_method", "S256");
        Ok(address.into())
    }

    /// Whom the provider vouches for with this code.
    pub(super) async fn claims_for(
        &self,
        attempt: &SignInAttempt,
        code: &Sensitive<String>,
        now: UnixMillis,
    ) -> Result<IdClaims, Failure> {
        let documents = self.documents(None).await?;
        let code = Code {
            code,
            redirect_uri: &self.redirect_uri(),
            code_verifier: &attempt.code_verifier(),
            client_id: &self.issuer.client_id,
            client_secret: self.client_secret.as_ref(),
        };
        let token = match openid::redeem(&documents.metadata, &code, &self.tls).await {
            Ok(token) => token,
            Err(RedeemError::InvalidGrant) => return Err(Failure::Expired),
            Err(error) => return Err(Failure::provider(error)),
        };
        let verified = |documents: &Documents| {
            verify_id_token(&self.issuer, &documents.keys, token.expose(), &attempt.nonce(), now)
        };
        let claims = match verified(&documents) {
            Err(IdTokenError::Token(TokenError::UnknownKey)) => {
                verified(&*self.documents(Some(documents.fetched_at)).await?)
            }
            claims => claims,
        };
        claims.map_err(Failure::provider)
    }

    /// The provider's documents; with `newer_than`, later ones if the provider may be asked again so soon.
    async fn documents(&self, newer_than: Option<Instant>) -> Result<Arc<Documents>, Failure> {
        let mut known = self.known.lock().await;
        if let Some(documents) = &known.documents {
            let age = documents.fetched_at.elapsed();
            let is_new_enough = match newer_than {
                None => age < RENEW_AFTER,
                Some(than) => documents.fetched_at > than || age < FETCH_AGAIN_AFTER,
            };
            if is_new_enough {
                return Ok(Arc::clone(documents));
            }
        }
        let rests = known.failed_at.is_some_and(|at| at.elapsed() < RETRY_AFTER);
        let fetched = if rests { Err(Failure::Resting) } else { self.fetch().await };
        match fetched {
            Ok(documents) => {
                let documents = Arc::new(documents);
                *known = Known { documents: Some(Arc::clone(&documents)), failed_at: None };
                Ok(documents)
            }
            Err(failure) => {
                if !rests {
                    known.failed_at = Some(Instant::now());
                }
                let old = known.documents.clone();
                old.filter(|old| old.fetched_at.elapsed() < STALE_AFTER).ok_or(failure)
            }
        }
    }

    async fn fetch(&self) -> Result<Documents, Failure> {
        let metadata = openid::metadata(&self.issuer.issuer, &self.tls).await;
        let metadata = metadata.map_err(Failure::provider)?;
        let keys = openid::key_set_of(&metadata, &self.tls).await.map_err(Failure::provider)?;
        let keys = ExternalKeys::parse(&keys).map_err(Failure::provider)?;
        Ok(Documents { metadata, keys, fetched_at: Instant::now() })
    }
}
