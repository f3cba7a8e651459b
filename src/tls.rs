//! TLS to providers and token issuers.
//!
//! Owns the trusted roots: those of the public authorities, and the administrator's own. It must never skip
//! verification.

use rustls::{
    ClientConfig, RootCertStore,
    crypto::aws_lc_rs,
    pki_types::{CertificateDer, pem::PemObject},
};
use std::{path::Path, sync::Arc};

/// Why TLS cannot be set up.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// The administrator's own roots cannot be used.
    #[error(
        "{setting} {file}: {reason}; name a PEM file with the certificates of the authorities to trust"
    )]
    CaFile {
        /// The setting that names it.
        setting: String,
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
/// `setting` is what names the file of the administrator's own roots.
pub fn client_config(setting: &str, ca_file: Option<&Path>) -> Result<Arc<ClientConfig>, TlsError> {
    let mut roots = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
    if let Some(path) = ca_file {
        let refused = |reason: String| TlsError::CaFile {
            setting: setting.to_owned(),
            file: path.display().to_string(),
            reason,
        };
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
