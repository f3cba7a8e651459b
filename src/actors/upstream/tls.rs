//! TLS to the provider.
//!
//! Owns the trusted roots: those of the public authorities, and the administrator's own. It must never skip
//! verification.

use crate::config::Upstream;
use rustls::{
    ClientConfig, RootCertStore,
    crypto::aws_lc_rs,
    pki_types::{CertificateDer, ServerName, pem::PemObject},
};
use std::{path::Path, sync::Arc};
use tokio_rustls::TlsConnector;
use url::Url;

/// Why TLS cannot be set up.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// The administrator's own roots cannot be used.
    #[error(
        "upstream.ca_file {file}: {reason}; name a PEM file with the certificates of the authorities to trust"
    )]
    CaFile {
        /// The file.
        file: String,
        /// What is wrong.
        reason: String,
    },
    /// The base URL names no host that TLS could check.
    #[error("upstream.base_url {0}: no host name or address in it that can be reached")]
    BaseUrl(String),
    /// The cryptography cannot do what TLS needs.
    #[error("TLS cannot be set up: {0}")]
    Setup(#[from] rustls::Error),
}

/// The settings of every connection; made once, since it holds some hundred roots.
fn client_config(ca_file: Option<&Path>) -> Result<Arc<ClientConfig>, TlsError> {
    let mut roots = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
    if let Some(path) = ca_file {
        let refused =
            |reason: String| TlsError::CaFile { file: path.display().to_string(), reason };
        let mut own = 0;
        for certificate in
            CertificateDer::pem_file_iter(path).map_err(|error| refused(error.to_string()))?
        {
            let certificate = certificate.map_err(|error| refused(error.to_string()))?;
            roots.add(certificate).map_err(|error| refused(error.to_string()))?;
            own += 1;
        }
        if own == 0 {
            return Err(refused("no certificate in it".to_owned()));
        }
    }
    let mut config = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(Arc::new(config))
}

/// TLS to one provider.
#[derive(Clone)]
pub(super) struct Tls {
    pub(super) connector: TlsConnector,
    pub(super) name: ServerName<'static>,
}

/// Where the provider is and how it is reached.
#[derive(Clone)]
pub struct Provider {
    /// The base URL as awc is given it: always `http`, since TLS is done below it.
    pub(super) base_url: String,
    pub(super) tls: Option<Tls>,
}

impl Provider {
    /// Reads the settings. Everything that can be wrong with them is told here.
    pub fn new(settings: &Upstream) -> Result<Self, TlsError> {
        let refused = || TlsError::BaseUrl(settings.base_url.clone());
        let url = Url::parse(&settings.base_url).map_err(|_not_a_url| refused())?;
        let host = url.host_str().ok_or_else(refused)?;
        let port = url.port_or_known_default().ok_or_else(refused)?;
        let base_url = format!("http://{host}:{port}{}", url.path().trim_end_matches('/'));
        if url.scheme() != "https" {
            return Ok(Self { base_url, tls: None });
        }
        let bare = host.trim_start_matches('[').trim_end_matches(']');
        let name = ServerName::try_from(bare.to_owned()).map_err(|_not_a_name| refused())?;
        let config = client_config(settings.ca_file.as_deref())?;
        Ok(Self { base_url, tls: Some(Tls { connector: TlsConnector::from(config), name }) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Inputs, resolve};

    fn provider(base_url: &str) -> Result<Provider, TlsError> {
        let overrides = [("upstream.base_url".to_owned(), base_url.to_owned())];
        let inputs = Inputs { file: None, environment: &[], overrides: &overrides, host_name: "h" };
        Provider::new(&resolve(&inputs).unwrap().config.upstream)
    }

    #[test]
    fn awc_gets_an_http_address_with_the_port_and_tls_is_ours() {
        for (given, address, has_tls) in [
            ("https://api.openai.com/v1", "http://api.openai.com:443/v1", true),
            ("https://[::1]:8443/v1/", "http://[::1]:8443/v1", true),
            ("http://127.0.0.1:9000/v1", "http://127.0.0.1:9000/v1", false),
        ] {
            let provider = provider(given).unwrap();
            assert_eq!((&*provider.base_url, provider.tls.is_some()), (address, has_tls));
        }
    }
}
