//! Every row by its own path, and no other path.

use super::*;
use proptest::prelude::*;

fn found(path: &str) -> (&'static str, Option<String>, String) {
    let method = if path.starts_with("/models") { "GET" } else { "POST" };
    let route = find(method, path, false).unwrap();
    let model = route.path_model.map(|model| model.to_string());
    (route.endpoint.name, model, route.upstream_path.into_owned())
}

#[test]
fn every_row_is_found_by_its_own_path() {
    for endpoint in ENDPOINTS {
        let path = endpoint.path.replace("{model}", "gpt-4o").replace("{id}", "file-A_9");
        let route = find(endpoint.method, &path, false).unwrap();
        assert_eq!((route.endpoint, route.upstream_path.as_ref()), (endpoint, path.as_str()));
        assert_eq!(route.path_model.is_some(), endpoint.model == ModelPlace::Path);
        assert_eq!(route.object_id.as_deref(), endpoint.addresses.map(|_| "file-A_9"));
        assert_eq!(endpoint.permission == Permission::WebRead, endpoint.method == "GET");
        assert_eq!(endpoint.path, format!("/{}", endpoint.name));
    }
    assert_eq!(ENDPOINTS[0].name, "chat/completions");
}

#[test]
fn rows_agree_with_themselves() {
    for endpoint in ENDPOINTS {
        let is_form = matches!(endpoint.body, BodyKind::Form(_));
        assert_eq!(endpoint.body == BodyKind::None, endpoint.method != "POST");
        assert!(is_form || !matches!(endpoint.model, ModelPlace::FormField { .. }));
        assert!(!is_form || !matches!(endpoint.model, ModelPlace::JsonField { .. }));
        assert_eq!(endpoint.lists.is_some(), endpoint.answer == AnswerKind::ObjectList);
    }
}

#[test]
fn an_id_in_the_path_has_one_spelling() {
    let find_file = |id: &str| find("GET", &format!("/files/{id}/content"), false);
    assert_eq!(find_file("file-aB_9").unwrap().upstream_path, "/files/file-aB_9/content");
    assert!(find_file(&"a".repeat(128)).is_ok());
    let long = "a".repeat(129);
    for id in ["", ".", "..", "a.b", "a%2Fb", "%66ile", "a:b", "a~", "é", "{id}", "a b", &long] {
        assert_eq!(find_file(id).unwrap_err(), Refusal::UnknownEndpoint, "{id}");
    }
}

#[test]
fn what_mints_credentials_or_cannot_be_read_is_never_served() {
    for path in [
        "/realtime",
        "/realtime/client_secrets",
        "/Realtime/sessions",
        "/%72ealtime",
        "/x/..%2frealtime",
        "//organization/admin_api_keys",
        "/organization",
        "/chatkit/sessions",
        "/x%5Corganization%20",
    ] {
        for forward_unknown in [false, true] {
            let refusal = find("POST", path, forward_unknown).unwrap_err();
            assert_eq!(refusal, Refusal::EndpointForbidden, "{path}");
        }
    }
    assert!(find("GET", "/models/realtime", false).is_ok());
    assert_eq!(find("GET", "/realtimes", false).unwrap_err(), Refusal::UnknownEndpoint);
}

#[test]
fn an_unknown_path_passes_only_where_it_may_and_is_plain() {
    let route = find("POST", "/vector_stores/vs_1/search", true).unwrap();
    assert_eq!(route.upstream_path, "/vector_stores/vs_1/search");
    assert_eq!((route.endpoint.name, route.endpoint.body), ("unknown", BodyKind::Unread));
    assert_eq!(route.endpoint.permission, Permission::WebWrite);
    assert!(find("GET", "/vector_stores/vs_1/files", true).is_ok());
    let read = find("GET", "/vector_stores", true).unwrap();
    assert_eq!(read.endpoint.permission, Permission::WebRead);
    for path in [
        "",
        "/",
        "vector_stores",
        "//chat/completions",
        "/chat/completions/",
        "/Chat/Completions",
        "/chat%2Fcompletions",
        "/chat/./completions",
        "/x/../chat/completions",
        "/x/%2e%2e/chat/completions",
        "/chat\\completions",
        "/chat/completions?x",
        "/chat/completions;x",
        "/FILES",
        "/v1/chat/completions",
        "/engines/gpt-4/completions",
    ] {
        assert_eq!(find("POST", path, true).unwrap_err(), Refusal::UnknownEndpoint, "{path}");
    }
    assert_eq!(find("PUT", "/embeddings", true).unwrap_err(), Refusal::MethodNotAllowed);
    assert_eq!(find("TRACE", "/assistants", true).unwrap_err(), Refusal::UnknownEndpoint);
}

#[test]
fn a_batch_may_ask_for_what_has_a_row_and_a_model() {
    for url in BATCHABLE {
        let (named, endpoint) = batchable(url).unwrap();
        assert_eq!((named, format!("/v1{}", endpoint.path).as_str()), (url, url));
        assert!(matches!(endpoint.model, ModelPlace::JsonField { .. }));
    }
    for url in ["/chat/completions", "/v1/files", "/v1/chat/completions/", "/v1/models", ""] {
        assert!(batchable(url).is_none());
    }
}

#[test]
fn a_model_in_the_path_is_decoded_and_rendered_anew() {
    let ft = "ft:gpt-4o:acme::9x".to_owned();
    let path = "/models/ft:gpt-4o:acme::9x".to_owned();
    assert_eq!(
        found("/models/ft%3Agpt-4o%3aacme::9x"),
        ("models/{model}", Some(ft.clone()), path.clone())
    );
    assert_eq!(found(&path), ("models/{model}", Some(ft), path));
    assert_eq!(found("/models/%67pt-3.5").2, "/models/gpt-3.5");
}

#[test]
fn a_path_that_is_not_plainly_one_of_ours_is_unknown() {
    for path in [
        "",
        "/",
        "chat/completions",
        "//chat/completions",
        "/chat//completions",
        "/chat",
        "/chat/completions/",
        "/chat%2Fcompletions",
        "/chat/../completions",
        "/Completions",
        "/models/",
        "/models/..",
        "/models/.",
        "/models/%2e%2e",
        "/models/a/b",
        "/models/a%2Fb",
        "/models/a%5Cb",
        "/models/a%",
        "/models/a%4",
        "/models/a%zz",
        "/models/a%00",
        "/models/a%20b",
        "/models/a%3Fb",
        "/models/gpt%E2%80%8B",
        "/models/{model}",
        "/chat/completions?x",
        "/audio",
        "/responses/a/b",
        "/batches/b/cancel/",
    ] {
        for method in ["GET", "POST"] {
            assert_eq!(find(method, path, false).unwrap_err(), Refusal::UnknownEndpoint, "{path}");
        }
    }
    let long = format!("/models/{}", "a".repeat(257));
    assert_eq!(find("GET", &long, false).unwrap_err(), Refusal::UnknownEndpoint);
}

#[test]
fn a_known_path_with_another_method_is_not_allowed() {
    for (method, path) in [
        ("GET", "/completions"),
        ("POST", "/files/file-1"),
        ("DELETE", "/batches/b"),
        ("post", "/chat/completions"),
        ("HEAD", "/models"),
        ("DELETE", "/models/ft:gpt-4o:acme::9x"),
        ("CONNECT", "/embeddings"),
    ] {
        assert_eq!(find(method, path, false).unwrap_err(), Refusal::MethodNotAllowed);
    }
}

#[test]
fn a_path_has_the_methods_of_its_rows() {
    assert_eq!(methods_of("/files"), ["POST", "GET"]);
    assert_eq!(methods_of("/files/file-1"), ["GET", "DELETE"]);
    assert_eq!(methods_of("/chat/completions"), ["POST", "GET"]);
    assert_eq!(methods_of("/nothing"), [""; 0]);
}

proptest! {
    #[test]
    fn an_upstream_path_is_always_plain(path in "/(models/|files/|x)?[ -~]{0,24}", forward_unknown: bool) {
        if let Ok(route) = find("GET", &path, forward_unknown) {
            prop_assert!(!route.upstream_path.contains(['%', '?', '#', '\\', ' ']));
            prop_assert!(!route.upstream_path.contains("/../") && !route.upstream_path.contains("//"));
            if route.endpoint.name != "unknown" {
                prop_assert_eq!(
                    route.upstream_path.matches('/').count(),
                    route.endpoint.path.matches('/').count()
                );
            }
        }
    }
}
