//! `/api/v1/snippets`.

use super::access::Signed;
use super::administer::perform;
use super::audit::Parameters;
use super::token::asked_url;
use super::{AdminState, problem};
use crate::admin::{SnippetRequest, snippets};
use crate::pipeline::Gate;
use crate::types::Surface;
use actix_web::{HttpRequest, HttpResponse, http::StatusCode, web::Data};

/// `GET /api/v1/snippets`: surface, client_id, model.
pub(super) async fn show(
    signed: Signed,
    request: HttpRequest,
    state: Data<AdminState>,
    gate: Data<Gate>,
) -> HttpResponse {
    let read = Parameters::read(request.query_string(), |query| {
        let callers = |text: &str| Surface::parse(text).filter(|it| *it != Surface::Admin);
        let surface = query.choice("surface", callers, "agent or detection_key")?;
        Ok((surface.unwrap_or(Surface::Agent), query.text("client_id"), query.text("model")))
    });
    let (surface, client_id, model) = match read {
        Ok(read) => read,
        Err(message) => return problem(400, "invalid_request_error", &message),
    };
    let base_url = gate.public_url().map_or_else(|| asked_url(&request), str::to_owned);
    let with_provider_key = !gate.has_provider_key();
    perform(&signed, &state, StatusCode::OK, move |_| {
        let wanted = SnippetRequest { surface, base_url, client_id, model, with_provider_key };
        snippets(&wanted)
    })
    .await
}
