//! Refusals on the wire.
//!
//! Owns their rendering in the caller's own format. It must never say more than the refusal does.

use crate::types::{Refusal, Surface};
use bytes::Bytes;
use serde::Serialize;
use std::borrow::Cow;

/// The content type of a rendered refusal.
pub const CONTENT_TYPE: &str = "application/json";

#[derive(Serialize)]
struct Envelope<T> {
    error: T,
}

#[derive(Serialize)]
struct ErrorObject<'r> {
    message: &'r str,
    #[serde(rename = "type")]
    kind: &'r str,
    param: Option<&'r str>,
    code: &'r str,
}

/// The body of a refused call.
pub fn render(refusal: &Refusal, surface: Surface) -> Bytes {
    match surface {
        Surface::Agent | Surface::Admin => json(&error_object(refusal, &refusal.message())),
        Surface::DetectionKey => json(&Envelope { error: detection_key_text(refusal) }),
    }
}

/// The event that ends a stream which cannot go on. OpenAI's SDKs raise it as an `APIError` with
/// its code, on either surface.
pub fn stream_error_event(refusal: &Refusal, surface: Surface) -> Bytes {
    let message = match surface {
        Surface::Agent | Surface::Admin => refusal.message(),
        Surface::DetectionKey => detection_key_text(refusal),
    };
    let object = json(&error_object(refusal, &message));
    [b"data: ", object.as_ref(), b"\n\n"].concat().into()
}

fn error_object<'r>(refusal: &'r Refusal, message: &'r str) -> Envelope<ErrorObject<'r>> {
    Envelope {
        error: ErrorObject {
            message,
            kind: refusal.kind(),
            param: refusal.param(),
            code: refusal.code(),
        },
    }
}

/// The reference's own texts, where it has one.
fn detection_key_text(refusal: &Refusal) -> Cow<'static, str> {
    Cow::Borrowed(match refusal {
        Refusal::InvalidIdentity | Refusal::ExpiredIdentity => "Invalid detection key",
        Refusal::ProviderKeyMissing => {
            "No provider key. Send your OpenAI API key as 'Authorization: Bearer sk-...'."
        }
        Refusal::ModelNotAllowed => {
            "The requested model is not permitted by your API key's policy."
        }
        _ => return refusal.message(),
    })
}

/// Strings and options of strings always serialise.
fn json(value: &impl Serialize) -> Bytes {
    serde_json::to_vec(value).unwrap_or_default().into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn value(bytes: &[u8]) -> serde_json::Value {
        serde_json::from_slice(bytes).unwrap()
    }

    #[test]
    fn an_agent_gets_the_openai_error_object() {
        let refusal =
            Refusal::Malformed { message: "Say \"hi\"\n".into(), param: Some("model".into()) };
        let expected = json!({"error": {
            "message": "Say \"hi\"\n", "type": "invalid_request_error", "param": "model",
            "code": "invalid_request_error",
        }});
        assert_eq!(value(&render(&refusal, Surface::Agent)), expected);
        let denied = value(&render(&Refusal::InvalidIdentity, Surface::Agent));
        assert_eq!(denied["error"]["code"], "invalid_agent_token");
        assert_eq!(denied["error"]["param"], serde_json::Value::Null);
    }

    #[test]
    fn a_detection_key_gets_the_references_texts() {
        let text = |refusal: Refusal| value(&render(&refusal, Surface::DetectionKey));
        assert_eq!(
            text(Refusal::ModelNotAllowed),
            json!({"error": "The requested model is not permitted by your API key's policy."})
        );
        assert_eq!(text(Refusal::InvalidIdentity), json!({"error": "Invalid detection key"}));
        assert_eq!(text(Refusal::ExpiredIdentity), json!({"error": "Invalid detection key"}));
        assert_eq!(
            text(Refusal::DetectionKeyMissing),
            json!({"error": "Detection key required for proxy endpoints. Add X-Detection-Key header."})
        );
        assert_eq!(
            text(Refusal::UnknownEndpoint),
            json!({"error": Refusal::UnknownEndpoint.message()})
        );
    }

    #[test]
    fn a_fault_in_mid_stream_is_one_event_with_the_error_object() {
        let event = stream_error_event(&Refusal::UpstreamTimeout, Surface::Agent);
        let data = event.strip_prefix(b"data: ").unwrap().strip_suffix(b"\n\n").unwrap();
        assert!(!data.contains(&b'\n'));
        assert_eq!(value(data)["error"]["code"], "upstream_timeout");
    }
}
