//! What the blanks of snippets become.

use super::*;

fn request(surface: Surface) -> SnippetRequest {
    SnippetRequest {
        surface,
        base_url: "https://gate.example.com/".to_owned(),
        client_id: Some("client_7".to_owned()),
        model: Some("gpt-4o".to_owned()),
        with_provider_key: true,
    }
}

#[test]
fn every_snippet_has_its_blanks_filled_in() {
    for (surface, base, secret) in [
        (Surface::Agent, "https://gate.example.com/api/v1/openai/v1", CLIENT_SECRET),
        (Surface::DetectionKey, "https://gate.example.com/v1", DETECTION_KEY),
    ] {
        let made = snippets(&request(surface)).unwrap();
        assert_eq!(made.base_url, base);
        let ids: Vec<_> = made.snippets.iter().map(|it| it.id).collect();
        assert_eq!(ids, ["python", "node", "langchain", "curl"]);
        for Snippet { id, code, .. } in &made.snippets {
            assert_eq!(code.matches(secret).count(), 1, "{id}: {code}");
            assert!(code.contains(base) && code.contains("gpt-4o"), "{id}: {code}");
            assert_eq!(code.contains("client_7"), surface == Surface::Agent, "{id}: {code}");
        }
    }
}

#[test]
fn a_gate_with_a_key_of_its_own_asks_for_none() {
    let keyless = SnippetRequest { with_provider_key: false, ..request(Surface::Agent) };
    for Snippet { id, code, .. } in snippets(&keyless).unwrap().snippets {
        assert!(!code.contains("X-OpenAI-Key") && !code.contains("OPENAI_API_KEY"), "{id}: {code}");
    }
}

#[test]
fn words_that_could_be_code_are_refused() {
    for wrong in ["gpt\"); evil(\"", "$(id)", "a b", "", "`x`", "a'b", "a\\n"] {
        let model = SnippetRequest { model: Some(wrong.to_owned()), ..request(Surface::Agent) };
        assert!(snippets(&model).is_err(), "{wrong}");
        let id = SnippetRequest { client_id: Some(wrong.to_owned()), ..request(Surface::Agent) };
        assert!(snippets(&id).is_err(), "{wrong}");
    }
    let host =
        SnippetRequest { base_url: "http://a\"b".to_owned(), ..request(Surface::DetectionKey) };
    assert_eq!(snippets(&host).unwrap().base_url, "http://localhost:8000/v1");
}

#[test]
fn what_belongs_to_nobody_is_named_so() {
    let nobody = SnippetRequest { client_id: None, model: None, ..request(Surface::Agent) };
    let made = snippets(&nobody).unwrap();
    assert!(made.snippets[0].code.contains("\"CLIENT_ID\""));
    assert!(made.snippets[0].code.contains("model=\"gpt-4o-mini\""));
}
