//! The OpenAPI document of the administrators' API, made from the table that serves it.
//!
//! Owns its form (OpenAPI 3.1, <https://spec.openapis.org/oas/v3.1.1>). It must never say what the table does not.

use super::{Access, Answer, JSON, Operation, table};
use crate::http::problem::Problem;
use actix_web::{HttpResponse, http::header};
use schemars::{SchemaGenerator, generate::SchemaSettings};
use serde_json::{Map, Value, json};
use std::sync::LazyLock;

/// What every operation may answer besides its success.
const PROBLEMS: [(u16, &str); 9] = [
    (400, "The request is wrong; the message says where."),
    (404, "There is no such thing."),
    (405, "The path does not take this method."),
    (409, "Something else is in the way, or it changed meanwhile."),
    (413, "The body is too long."),
    (415, "The body is not JSON."),
    (422, "The request can be read, but not be done."),
    (429, "Too many requests; `Retry-After` says when to come back."),
    (503, "The database or a part of the gate is away; try again shortly."),
];
const SIGNED_IN_PROBLEMS: [(u16, &str); 2] = [
    (401, "Nobody is signed in."),
    (403, "The role is not enough, or the CSRF header is missing."),
];

static DOCUMENT: LazyLock<String> = LazyLock::new(|| document(&table::operations()).to_string());

/// The document, as JSON text.
pub fn openapi() -> &'static str {
    DOCUMENT.as_str()
}

/// `GET /api/v1/openapi.json`.
pub(in crate::http) async fn show_document() -> HttpResponse {
    HttpResponse::Ok()
        .content_type(JSON)
        .insert_header((header::CACHE_CONTROL, "no-cache"))
        .body(openapi())
}

/// What bodies are made of. What may be left out of a request is always there in an answer, so that each has its own.
struct Schemas {
    requests: SchemaGenerator,
    answers: SchemaGenerator,
}

impl Schemas {
    fn new() -> Self {
        let settings = SchemaSettings::draft2020_12()
            .with(|settings| settings.definitions_path = "/components/schemas".into());
        let requests = settings.clone().for_deserialize().into_generator();
        Self { requests, answers: settings.for_serialize().into_generator() }
    }

    /// All components by name. What is in both looks the same in both, as a test holds.
    fn components(mut self) -> Map<String, Value> {
        let mut components = self.requests.take_definitions(true);
        components.extend(self.answers.take_definitions(true));
        components
    }
}

fn document(operations: &[Operation]) -> Value {
    let mut schemas = Schemas::new();
    let mut paths: Map<String, Value> = Map::new();
    for operation in operations {
        let path = paths.entry(path_of(operation.path)).or_insert_with(|| json!({}));
        if let Some(path) = path.as_object_mut() {
            let method = operation.method.as_str().to_ascii_lowercase();
            path.insert(method, describe(operation, operations, &mut schemas));
        }
    }
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Portcullis: the administrators' API",
            "version": env!("CARGO_PKG_VERSION"),
            "license": { "name": "Apache-2.0", "identifier": "Apache-2.0" },
            "description": "Everything that the dashboard does. `x-role` is the least role that an operation needs: \
                viewer, analyst, policy_author, admin.",
        },
        "paths": paths,
        "components": {
            "schemas": schemas.components(),
            "securitySchemes": {
                "token": { "type": "http", "scheme": "bearer", "description": "The access_token of /api/v1/admin/login." },
                "session": { "type": "apiKey", "in": "cookie", "name": "portcullis_session",
                    "description": "Requests that change something also need the header X-Portcullis-CSRF: 1." },
            },
        },
    })
}

fn describe(operation: &Operation, operations: &[Operation], schemas: &mut Schemas) -> Value {
    let known = |name: &&str| !operation.parameters.iter().any(|it| it.is_in_path(name));
    let mut parameters: Vec<Value> =
        names_in(operation.path).filter(known).map(path_parameter).collect();
    parameters.extend(operation.parameters.iter().map(super::Parameter::document));
    let mut described = json!({
        "operationId": operation.id,
        "summary": operation.summary,
        "tags": [tag_of(operation.path)],
        "parameters": parameters,
        "responses": responses(operation, operations, &mut schemas.answers),
    });
    let Some(members) = described.as_object_mut() else { return described };
    if let Some(schema) = operation.takes {
        let content = json!({ JSON: { "schema": schema(&mut schemas.requests) } });
        members.insert("requestBody".to_owned(), json!({ "required": true, "content": content }));
    }
    if let Access::Role(role) = operation.access {
        members.insert("x-role".to_owned(), json!(role));
        members.insert("security".to_owned(), json!([{ "token": [] }, { "session": [] }]));
    }
    described
}

fn responses(
    operation: &Operation,
    operations: &[Operation],
    generator: &mut SchemaGenerator,
) -> Value {
    let mut responses = Map::new();
    for Answer { status, content, about, schema } in &operation.answers {
        let mut answer = Map::from_iter([("description".to_owned(), json!(about))]);
        let contents: Map<String, Value> = content
            .iter()
            .map(|content| {
                let schema =
                    schema.map_or_else(|| json!({}), |schema| schema(generator).to_value());
                ((*content).to_owned(), json!({ "schema": schema }))
            })
            .collect();
        if !contents.is_empty() {
            answer.insert("content".to_owned(), contents.into());
        }
        if let Some(member) = operation.makes {
            answer.insert("links".to_owned(), links(operation, member, operations));
        }
        responses.insert(status.to_string(), answer.into());
    }
    let signed_in: &[_] = match operation.access {
        Access::Open => &SIGNED_IN_PROBLEMS[..1],
        Access::Role(_) => &SIGNED_IN_PROBLEMS,
    };
    for (status, about) in PROBLEMS.iter().chain(signed_in) {
        let problem = json!({
            "description": about,
            "content": { JSON: { "schema": generator.subschema_for::<Problem>() } },
        });
        responses.entry(status.to_string()).or_insert(problem);
    }
    responses.into()
}

/// What can be done with what an operation made.
fn links(operation: &Operation, member: &str, operations: &[Operation]) -> Value {
    let below = format!("{}/{{", operation.path);
    let about = operations.iter().filter(|it| it.path.starts_with(&below));
    let links = about.filter_map(|it| {
        let name = names_in(it.path).next()?;
        let id = format!("$response.body#/{member}");
        Some((it.id.to_owned(), json!({ "operationId": it.id, "parameters": { name: id } })))
    });
    Value::Object(links.collect())
}

fn path_parameter(name: &str) -> Value {
    json!({ "name": name, "in": "path", "required": true, "schema": { "type": "string", "minLength": 1 } })
}

/// The path without the patterns of its parameters.
fn path_of(path: &str) -> String {
    path.split('/')
        .map(|segment| match segment.split_once(':') {
            Some((name, _pattern)) if segment.starts_with('{') => format!("{name}}}"),
            _ => segment.to_owned(),
        })
        .collect::<Vec<_>>()
        .join("/")
}

fn names_in(path: &str) -> impl Iterator<Item = &str> {
    path.split('/').filter_map(|segment| {
        let name = segment.strip_prefix('{')?.trim_end_matches('}');
        Some(name.split_once(':').map_or(name, |(name, _pattern)| name))
    })
}

/// The word behind `/api/v1/`.
fn tag_of(path: &str) -> &str {
    path.split('/').nth(3).unwrap_or("api")
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn every_operation_is_described_once_and_says_what_it_does() {
        let operations = table::operations();
        let ids: BTreeSet<_> = operations.iter().map(|it| it.id).collect();
        assert_eq!(ids.len(), operations.len(), "two operations have the same id");
        for it in &operations {
            assert!(it.summary.ends_with('.'), "{} says nothing", it.id);
            assert!(!it.answers.is_empty(), "{} answers nothing", it.id);
            assert!(it.path.starts_with("/api/v1/"), "{}", it.path);
        }
        let document = document(&operations);
        let described: usize = document["paths"]
            .as_object()
            .unwrap()
            .values()
            .map(|it| it.as_object().unwrap().len())
            .sum();
        assert_eq!(described, operations.len());
    }

    /// Their form is said elsewhere: by OpenAPI, by the record's formats, by the events of a stream.
    const SAID_ELSEWHERE: [&str; 3] = ["showDocument", "exportRecords", "streamActivity"];

    #[test]
    fn every_answer_with_a_body_says_its_members() {
        let document = document(&table::operations());
        for operation in document["paths"].as_object().unwrap().values() {
            for operation in operation.as_object().unwrap().values() {
                let id = operation["operationId"].as_str().unwrap();
                for (status, answer) in operation["responses"].as_object().unwrap() {
                    for content in answer.get("content").into_iter().flat_map(Value::as_object) {
                        let typed = content.values().all(|it| is_typed(&it["schema"], &document));
                        assert_ne!(
                            typed,
                            SAID_ELSEWHERE.contains(&id) && status == "200",
                            "{id} {status}"
                        );
                    }
                }
            }
        }
    }

    /// Whether a schema, or each of its forms, is an object that says its members.
    fn is_typed(schema: &Value, document: &Value) -> bool {
        if let Some(reference) = schema["$ref"].as_str() {
            let known = document.pointer(reference.trim_start_matches('#'));
            return known.is_some_and(|it| is_typed(it, document));
        }
        if let Some(forms) = schema["anyOf"].as_array() {
            return forms.iter().all(|it| is_typed(it, document));
        }
        schema["properties"].as_object().is_some_and(|members| !members.is_empty())
    }

    #[test]
    fn a_component_has_one_form_and_a_name_of_its_own() {
        let mut schemas = Schemas::new();
        for operation in table::operations() {
            describe(&operation, &[], &mut schemas);
        }
        let (requests, answers) = (schemas.requests.definitions(), schemas.answers.definitions());
        for (name, schema) in answers {
            assert!(requests.get(name).is_none_or(|it| it == schema), "{name} has two forms");
            assert!(!name.ends_with(|it: char| it.is_ascii_digit()), "{name} is a name of two");
        }
    }

    #[test]
    fn a_pattern_is_no_part_of_a_path() {
        assert_eq!(path_of("/api/v1/audit/sessions/{id:.+}"), "/api/v1/audit/sessions/{id}");
        assert_eq!(names_in("/a/{id:.+}/{name}").collect::<Vec<_>>(), ["id", "name"]);
    }

    #[test]
    fn what_changes_something_needs_more_than_a_viewer() {
        const READS_WITH_A_BODY: [&str; 1] = ["explainPolicy"];
        for it in table::operations() {
            let reads = it.method == actix_web::http::Method::GET;
            let own = it.path.starts_with("/api/v1/admin/") || READS_WITH_A_BODY.contains(&it.id);
            if !reads && !own {
                assert_ne!(it.access, Access::Role(crate::types::Role::Viewer), "{}", it.id);
                assert_ne!(it.access, Access::Open, "{}", it.id);
            }
        }
    }
}
