//! The administrators' API: one row per operation.
//!
//! A row says path, method, who may, what is taken and what is answered; the routes, the check of roles and
//! the OpenAPI document are all made from it. There must be no other way to register a handler below
//! `/api/v1` (the callers' own surfaces stand apart).

mod document;
mod parameter;
mod table;

pub use document::openapi;
pub(super) use document::show_document;

use super::access::{self, Access};
use super::problem;
use crate::types::Role;
use actix_web::{
    FromRequest, Handler, HttpResponse, Resource, Responder, Route,
    http::{Method, header},
    middleware::from_fn,
    web::{self, JsonConfig},
};
use parameter::Parameter;
use schemars::{JsonSchema, Schema, SchemaGenerator};
use std::{collections::BTreeMap, rc::Rc};

/// Far more than any of these requests needs, but for the texts of policies.
const BODY_LIMIT: usize = 65_536;
/// A policy or a file of rules, as JSON.
pub(super) const TEXT_LIMIT: usize = 4 * 1_048_576;

type SchemaOf = fn(&mut SchemaGenerator) -> Schema;

/// One operation of the API.
pub(super) struct Operation {
    method: Method,
    path: &'static str,
    access: Access,
    id: &'static str,
    summary: &'static str,
    parameters: Vec<Parameter>,
    takes: Option<SchemaOf>,
    body_limit: usize,
    answers: Vec<Answer>,
    makes: Option<&'static str>,
    route: Rc<dyn Fn() -> Route>,
}

/// What an operation answers when it succeeds.
struct Answer {
    status: u16,
    content: &'static [&'static str],
    about: &'static str,
    schema: Option<SchemaOf>,
}

const JSON: &str = "application/json";

/// An operation of a method on a path. Segments in braces are parameters; `{name:.+}` may hold slashes.
fn operation<F, A>(
    method: Method,
    path: &'static str,
    access: Access,
    id: &'static str,
    handler: F,
) -> Operation
where
    F: Handler<A>,
    F::Output: Responder + 'static,
    A: FromRequest + 'static,
{
    let by = method.clone();
    let route = Rc::new(move || web::method(by.clone()).to(handler.clone()));
    Operation {
        method,
        path,
        access,
        id,
        summary: "",
        parameters: Vec::new(),
        takes: None,
        body_limit: BODY_LIMIT,
        answers: Vec::new(),
        makes: None,
        route,
    }
}

/// Declares the words that rows begin with.
macro_rules! methods {
    ($($name:ident = $method:ident),+) => {$(
        /// An operation for whoever has the role.
        fn $name<F, A>(path: &'static str, role: Role, id: &'static str, handler: F) -> Operation
        where
            F: Handler<A>,
            F::Output: Responder + 'static,
            A: FromRequest + 'static,
        {
            operation(Method::$method, path, Access::Role(role), id, handler)
        }
    )+};
}
methods!(get = GET, post = POST, put = PUT, patch = PATCH, delete = DELETE);

/// An operation for everybody.
fn open<F, A>(method: Method, path: &'static str, id: &'static str, handler: F) -> Operation
where
    F: Handler<A>,
    F::Output: Responder + 'static,
    A: FromRequest + 'static,
{
    operation(method, path, Access::Open, id, handler)
}

impl Operation {
    /// What it does, in one sentence.
    fn says(mut self, summary: &'static str) -> Self {
        self.summary = summary;
        self
    }

    /// Parameters of its query, its headers, and what is known of those in its path.
    fn query(mut self, parameters: &'static [Parameter]) -> Self {
        self.parameters.extend(parameters);
        self
    }

    /// The JSON body that it reads.
    fn takes<T: JsonSchema>(mut self) -> Self {
        self.takes = Some(|generator| generator.subschema_for::<T>());
        self
    }

    /// Its body may be a whole file.
    fn takes_a_text(mut self) -> Self {
        self.body_limit = TEXT_LIMIT;
        self
    }

    /// Its body may be so long, in bytes.
    fn takes_at_most(mut self, bytes: usize) -> Self {
        self.body_limit = bytes;
        self
    }

    /// It makes something, whose name in the paths below is this member of the answer.
    fn makes(mut self, member: &'static str) -> Self {
        self.makes = Some(member);
        self
    }

    /// It answers a JSON value of this form.
    fn answers<T: JsonSchema>(self, status: u16, about: &'static str) -> Self {
        self.answer(status, &[JSON], about, Some(|generator| generator.subschema_for::<T>()))
    }

    /// It answers something that no type of ours describes, or nothing at all.
    fn answers_as(
        self,
        status: u16,
        content: &'static [&'static str],
        about: &'static str,
    ) -> Self {
        self.answer(status, content, about, None)
    }

    fn answer(
        mut self,
        status: u16,
        content: &'static [&'static str],
        about: &'static str,
        schema: Option<SchemaOf>,
    ) -> Self {
        self.answers.push(Answer { status, content, about, schema });
        self
    }

    fn route(&self) -> Route {
        let route = (self.route)();
        match self.access {
            Access::Open => route,
            Access::Role(role) => {
                route.wrap(from_fn(move |request, next| access::check(role, request, next)))
            }
        }
    }
}

/// Registers every operation; a method that a path does not have is told so.
pub(super) fn routes(app: &mut web::ServiceConfig) {
    let mut paths: BTreeMap<&'static str, Vec<Operation>> = BTreeMap::new();
    for operation in table::operations() {
        paths.entry(operation.path).or_default().push(operation);
    }
    for (path, operations) in paths {
        app.service(resource(path, &operations));
    }
}

fn resource(path: &'static str, operations: &[Operation]) -> Resource {
    let limit = operations.iter().map(|it| it.body_limit).max().unwrap_or(BODY_LIMIT);
    let resource = web::resource(path).app_data(JsonConfig::default().limit(limit));
    let allowed: Vec<&str> = operations.iter().map(|it| it.method.as_str()).collect();
    let allowed = allowed.join(", ");
    operations
        .iter()
        .fold(resource, |resource, operation| resource.route(operation.route()))
        .default_service(web::to(move || {
            let allowed = allowed.clone();
            async move { not_allowed(&allowed) }
        }))
}

fn not_allowed(allowed: &str) -> HttpResponse {
    let mut response =
        problem(405, "method_not_allowed", &format!("This path takes {allowed} only."));
    if let Ok(allowed) = header::HeaderValue::from_str(allowed) {
        response.headers_mut().insert(header::ALLOW, allowed);
    }
    response
}
