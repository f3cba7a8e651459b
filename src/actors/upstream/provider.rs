//! Where the provider is, and how it is reached.
//!
//! Owns the reading of its address. It must never show credentials, which an address must not hold.

use crate::config::Upstream;
use crate::tls::{TlsError, client_config};
use rustls::pki_types::ServerName;
use tokio_rustls::TlsConnector;
use url::Url;

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
        let config = client_config("upstream.ca_file", settings.ca_file.as_deref())?;
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
