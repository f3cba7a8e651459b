//! `/api/v1/agents`.

use super::access::Signed;
use super::administer::{Body, perform, perform_with};
use super::audit::Parameters;
use super::{AdminState, problem};
use crate::admin::{
    AgentChangeRequest, LiftRequest, NewAgentRequest, QuarantineRequest, change_agent,
    create_agent, find_agent, lift_quarantine, quarantine_agent, rotate_secret, set_status, shown,
    trust_history,
};
use crate::bus::policy::DescribePolicy;
use crate::pipeline::Gate;
use crate::policy::{Policy, SourceFile};
use crate::types::AgentStatus;
use actix_web::{
    HttpRequest, HttpResponse,
    http::StatusCode,
    web::{Data, Path},
};

/// `GET /api/v1/agents`.
pub(super) async fn list(signed: Signed, state: Data<AdminState>) -> HttpResponse {
    perform(&signed, &state, StatusCode::OK, |desk| {
        let agents = desk.store.agents_with_last_calls()?;
        Ok(shown::agents(&agents, desk.now))
    })
    .await
}

/// `POST /api/v1/agents`: a name must not be a role of the policy in force.
pub(super) async fn create(
    signed: Signed,
    body: Body<NewAgentRequest>,
    state: Data<AdminState>,
    gate: Data<Gate>,
) -> HttpResponse {
    let Ok(view) = gate.bus().describe_policy.ask(DescribePolicy).await else {
        return problem(503, "gateway_unavailable", "Try again shortly.");
    };
    perform_with(&signed, &state, StatusCode::CREATED, body, move |desk, body| {
        let model = SourceFile::new(view.model_file.as_str(), view.model_text.as_str());
        let policy =
            Policy::build(&model, &SourceFile::new(view.file.as_str(), view.text.as_str()))?;
        let new = body.into_inner();
        let created = create_agent(desk.store, &policy, desk.names, new, desk.actor, desk.now)?;
        Ok(shown::provisioned(&created))
    })
    .await
}

/// `GET /api/v1/agents/{id}`, by name or id.
pub(super) async fn show(
    signed: Signed,
    id: Path<String>,
    state: Data<AdminState>,
) -> HttpResponse {
    perform(&signed, &state, StatusCode::OK, move |desk| {
        Ok(shown::agent(&find_agent(desk.store, &id)?, desk.now))
    })
    .await
}

/// `GET /api/v1/agents/{id}/trust`: from, to.
pub(super) async fn trust(
    signed: Signed,
    request: HttpRequest,
    id: Path<String>,
    state: Data<AdminState>,
) -> HttpResponse {
    let (from, to) = match Parameters::read(request.query_string(), Parameters::range) {
        Ok(range) => range,
        Err(message) => return problem(400, "invalid_request_error", &message),
    };
    perform(&signed, &state, StatusCode::OK, move |desk| trust_history(desk.store, &id, from, to))
        .await
}

/// `PATCH /api/v1/agents/{id}`: roles and limits.
pub(super) async fn change(
    signed: Signed,
    id: Path<String>,
    body: Body<AgentChangeRequest>,
    state: Data<AdminState>,
) -> HttpResponse {
    perform_with(&signed, &state, StatusCode::OK, body, move |desk, body| {
        let changed = change_agent(desk.store, &id, &body, desk.actor, desk.now)?;
        Ok(shown::agent(&changed, desk.now))
    })
    .await
}

/// `POST /api/v1/agents/{id}/suspend`.
pub(super) async fn suspend(
    signed: Signed,
    id: Path<String>,
    state: Data<AdminState>,
) -> HttpResponse {
    stand(signed, id, state, AgentStatus::Suspended).await
}

/// `POST /api/v1/agents/{id}/resume`.
pub(super) async fn resume(
    signed: Signed,
    id: Path<String>,
    state: Data<AdminState>,
) -> HttpResponse {
    stand(signed, id, state, AgentStatus::Active).await
}

/// `POST /api/v1/agents/{id}/revoke`.
pub(super) async fn revoke(
    signed: Signed,
    id: Path<String>,
    state: Data<AdminState>,
) -> HttpResponse {
    stand(signed, id, state, AgentStatus::Revoked).await
}

/// `POST /api/v1/agents/{id}/quarantine`.
pub(super) async fn quarantine(
    signed: Signed,
    id: Path<String>,
    body: Body<QuarantineRequest>,
    state: Data<AdminState>,
) -> HttpResponse {
    perform_with(&signed, &state, StatusCode::OK, body, move |desk, body| {
        let agent = quarantine_agent(desk.store, desk.trust, &id, &body, desk.actor, desk.now)?;
        Ok(shown::agent(&agent, desk.now))
    })
    .await
}

/// `POST /api/v1/agents/{id}/lift-quarantine`.
pub(super) async fn lift(
    signed: Signed,
    id: Path<String>,
    body: Body<LiftRequest>,
    state: Data<AdminState>,
) -> HttpResponse {
    perform_with(&signed, &state, StatusCode::OK, body, move |desk, body| {
        let agent = lift_quarantine(desk.store, desk.trust, &id, &body, desk.actor, desk.now)?;
        Ok(shown::agent(&agent, desk.now))
    })
    .await
}

/// `POST /api/v1/agents/{id}/rotate-secret`.
pub(super) async fn rotate(
    signed: Signed,
    id: Path<String>,
    state: Data<AdminState>,
) -> HttpResponse {
    perform(&signed, &state, StatusCode::OK, move |desk| {
        Ok(shown::provisioned(&rotate_secret(desk.store, &id, desk.actor, desk.now)?))
    })
    .await
}

async fn stand(
    signed: Signed,
    id: Path<String>,
    state: Data<AdminState>,
    status: AgentStatus,
) -> HttpResponse {
    perform(&signed, &state, StatusCode::OK, move |desk| {
        let agent = set_status(desk.store, &id, status, desk.actor, desk.now)?;
        Ok(shown::agent(&agent, desk.now))
    })
    .await
}
