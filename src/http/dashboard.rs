//! The dashboard's files, embedded in the binary.
//!
//! Owns their caching, compression and security headers. It must never serve anything but what is embedded.

use super::problem;
use crate::types::hex;
use actix_web::{
    HttpRequest, HttpResponse,
    http::{Method, header},
};
use bytes::Bytes;
use flate2::{Compression, write::GzEncoder};
use rust_embed::{Embed, EmbeddedFile};
use std::{collections::HashMap, io::Write as _, sync::LazyLock};

const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; \
     img-src 'self' data:; font-src 'self'; connect-src 'self'; base-uri 'none'; \
     form-action 'self'; frame-ancestors 'none'";

#[derive(Embed)]
#[folder = "static/"]
struct Files;

/// A file as it is sent.
struct Asset {
    content_type: String,
    /// Its hash, hexadecimal.
    tag: String,
    plain: Bytes,
    gzip: Option<Bytes>,
}

/// All files by their path, compressed once.
static ASSETS: LazyLock<HashMap<String, Asset>> = LazyLock::new(|| {
    let assets = Files::iter().filter_map(|path| {
        let asset = Asset::of(&path, Files::get(&path)?);
        Some((path.into_owned(), asset))
    });
    assets.collect()
});

impl Asset {
    fn of(path: &str, file: EmbeddedFile) -> Self {
        let tag = hex(&file.metadata.sha256_hash());
        let content_type = mime_guess::from_path(path).first_or_octet_stream();
        let gzip = compress(&file.data);
        let plain = Bytes::from(file.data.into_owned());
        Self { content_type: content_type.essence_str().to_owned(), tag, plain, gzip }
    }
}

/// Serves a file of the dashboard; every other path is 404.
pub(super) async fn serve(request: HttpRequest) -> HttpResponse {
    let path = match request.path() {
        "/" => "index.html",
        path => path.trim_start_matches('/'),
    };
    let reads = matches!(*request.method(), Method::GET | Method::HEAD);
    let Some(asset) = ASSETS.get(path).filter(|_| reads) else {
        return problem(404, "not_found", "There is nothing here.");
    };
    let gzip = asset.gzip.as_ref().filter(|_| takes_gzip(&request));
    let tag = match gzip {
        Some(_) => format!("\"{}-gzip\"", asset.tag),
        None => format!("\"{}\"", asset.tag),
    };
    let known = request.headers().get(header::IF_NONE_MATCH);
    let mut response = if known.is_some_and(|known| known.as_bytes() == tag.as_bytes()) {
        HttpResponse::NotModified()
    } else {
        HttpResponse::Ok()
    };
    response
        .insert_header((header::ETAG, tag))
        .insert_header((header::VARY, "accept-encoding"))
        .insert_header((header::CACHE_CONTROL, "no-cache"))
        .insert_header((header::CONTENT_SECURITY_POLICY, CONTENT_SECURITY_POLICY))
        .insert_header((header::X_CONTENT_TYPE_OPTIONS, "nosniff"))
        .insert_header((header::REFERRER_POLICY, "no-referrer"))
        .insert_header((header::X_FRAME_OPTIONS, "DENY"))
        .content_type(asset.content_type.as_str());
    if gzip.is_some() {
        response.insert_header((header::CONTENT_ENCODING, "gzip"));
    }
    response.body(gzip.unwrap_or(&asset.plain).clone())
}

/// `None` where it would save nothing.
fn compress(data: &[u8]) -> Option<Bytes> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(data).ok()?;
    encoder.finish().ok().filter(|it| it.len() < data.len()).map(Bytes::from)
}

/// Whether the client names gzip and does not refuse it (RFC 9110 §12.5.3).
fn takes_gzip(request: &HttpRequest) -> bool {
    let accepted = request.headers().get(header::ACCEPT_ENCODING);
    let accepted = accepted.and_then(|value| value.to_str().ok()).unwrap_or_default();
    accepted.split(',').any(|coding| {
        let (name, weight) = coding.split_once(';').unwrap_or((coding, ""));
        let weight = weight.trim().strip_prefix("q=").map_or(Ok(1.0), str::parse);
        name.trim().eq_ignore_ascii_case("gzip") && weight.is_ok_and(|weight: f32| weight > 0.0)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use actix_web::test::TestRequest;

    /// What a browser loads on its first visit; afterwards the tags save it.
    const SENT_LIMIT: usize = 150_000;

    #[test]
    fn the_whole_dashboard_stays_small() {
        let sent: usize =
            ASSETS.values().map(|it| it.gzip.as_ref().unwrap_or(&it.plain).len()).sum();
        assert!(sent < SENT_LIMIT, "{sent} bytes to send");
    }

    #[test]
    fn gzip_is_sent_to_who_takes_it() {
        for (accepted, takes) in [
            ("gzip, deflate, br", true),
            ("br;q=1.0, GZIP;q=0.5", true),
            ("gzip;q=0", false),
            ("identity", false),
            ("", false),
        ] {
            let request = TestRequest::default().insert_header(("accept-encoding", accepted));
            assert_eq!(takes_gzip(&request.to_http_request()), takes, "{accepted}");
        }
    }
}
