//! Agents, AppContexts and detection keys.

use super::super::parameter::{FROM, Form, Parameter, TO};
use super::super::{Operation, get, patch, post};
use crate::admin::shown::{
    AgentView, Agents, AppContextView, AppContexts, KeyView, Keys, NewKeyView, ProvisionedView,
};
use crate::admin::{
    AgentChangeRequest, AppContextChangeRequest, LiftRequest, NewAgentRequest,
    NewAppContextRequest, NewKeyRequest, QuarantineRequest, Snippets, TrustHistory,
};
use crate::http::{agents, app_contexts, keys, snippets};
use crate::types::Role::{Admin, Viewer};

const OF_APP_CONTEXT: Parameter =
    Parameter::new("app_context", Form::Text, "Only keys of this AppContext: its name or id.");

const SURFACE: Parameter = Parameter::new(
    "surface",
    Form::OneOf(&["agent", "detection_key"]),
    "What the caller shows; agent unless told.",
);
const CLIENT_ID: Parameter = Parameter::new("client_id", Form::Text, "The agent's client id.");
const MODEL: Parameter = Parameter::new("model", Form::Text, "The model to call.");

pub(super) fn operations() -> Vec<Operation> {
    let mut all = agents();
    all.extend(standing());
    all.extend(contexts_and_keys());
    all
}

fn agents() -> Vec<Operation> {
    vec![
        get("/api/v1/agents", Viewer, "listAgents", agents::list)
            .says("All agents.")
            .answers::<Agents>(200, "The agents, by name."),
        post("/api/v1/agents", Admin, "createAgent", agents::create)
            .says("Registers an agent.")
            .takes::<NewAgentRequest>()
            .answers::<ProvisionedView>(201, "Its ids and its secret, which is shown this once.")
            .makes("agent_id"),
        get("/api/v1/agents/{id}", Viewer, "showAgent", agents::show)
            .says("One agent, by name or id.")
            .answers::<AgentView>(200, "The agent."),
        get("/api/v1/agents/{id}/trust", Viewer, "showTrust", agents::trust)
            .says("How an agent's trust went, by its newest 4,000 records in a time: at most 400 points.")
            .query(&[FROM, TO])
            .answers::<TrustHistory>(200, "Points in time, the oldest first."),
        get("/api/v1/snippets", Viewer, "showSnippets", snippets::show)
            .says("Code to begin with, with blanks where the secret belongs.")
            .query(&[SURFACE, CLIENT_ID, MODEL])
            .answers::<Snippets>(200, "Python, Node.js, LangChain and curl."),
        patch("/api/v1/agents/{id}", Admin, "changeAgent", agents::change)
            .says("Changes an agent's roles and limits.")
            .takes::<AgentChangeRequest>()
            .answers::<AgentView>(200, "The agent as it is now."),
        post("/api/v1/agents/{id}/rotate-secret", Admin, "rotateSecret", agents::rotate)
            .says("Gives an agent a new secret; the old one ends at once.")
            .answers::<ProvisionedView>(200, "Its ids and its new secret, which is shown this once."),
    ]
}

fn standing() -> Vec<Operation> {
    vec![
        post("/api/v1/agents/{id}/suspend", Admin, "suspendAgent", agents::suspend)
            .says("Refuses an agent's calls until it is resumed; its open streams end.")
            .answers::<AgentView>(200, "The agent as it is now."),
        post("/api/v1/agents/{id}/resume", Admin, "resumeAgent", agents::resume)
            .says("Lets a suspended agent call again.")
            .answers::<AgentView>(200, "The agent as it is now."),
        post("/api/v1/agents/{id}/revoke", Admin, "revokeAgent", agents::revoke)
            .says("Ends an agent for good.")
            .answers::<AgentView>(200, "The agent as it is now."),
        post("/api/v1/agents/{id}/quarantine", Admin, "quarantineAgent", agents::quarantine)
            .says("Puts an agent in quarantine: its calls are refused and its trust falls.")
            .takes::<QuarantineRequest>()
            .answers::<AgentView>(200, "The agent as it is now."),
        post("/api/v1/agents/{id}/lift-quarantine", Admin, "liftQuarantine", agents::lift)
            .says("Ends an agent's quarantine.")
            .takes::<LiftRequest>()
            .answers::<AgentView>(200, "The agent as it is now."),
    ]
}

fn contexts_and_keys() -> Vec<Operation> {
    vec![
        get("/api/v1/app-contexts", Viewer, "listAppContexts", app_contexts::list)
            .says("All AppContexts.")
            .answers::<AppContexts>(200, "The AppContexts."),
        post("/api/v1/app-contexts", Admin, "createAppContext", app_contexts::create)
            .says("Makes an AppContext.")
            .takes::<NewAppContextRequest>()
            .answers::<AppContextView>(201, "The AppContext.")
            .makes("id"),
        get("/api/v1/app-contexts/{id}", Viewer, "showAppContext", app_contexts::show)
            .says("One AppContext, by name or id.")
            .answers::<AppContextView>(200, "The AppContext."),
        patch("/api/v1/app-contexts/{id}", Admin, "changeAppContext", app_contexts::change)
            .says("Changes an AppContext.")
            .takes::<AppContextChangeRequest>()
            .answers::<AppContextView>(200, "The AppContext as it is now."),
        post("/api/v1/app-contexts/{id}/revoke", Admin, "revokeAppContext", app_contexts::revoke)
            .says("Ends an AppContext and its keys for good.")
            .answers::<AppContextView>(200, "The AppContext as it is now."),
        get("/api/v1/keys", Viewer, "listKeys", keys::list)
            .says("Detection keys, by their last four characters.")
            .query(&[OF_APP_CONTEXT])
            .answers::<Keys>(200, "The keys."),
        post("/api/v1/keys", Admin, "createKey", keys::create)
            .says("Makes a detection key.")
            .takes::<NewKeyRequest>()
            .answers::<NewKeyView>(201, "The key, which is shown this once.")
            .makes("id"),
        post("/api/v1/keys/{id}/revoke", Admin, "revokeKey", keys::revoke)
            .says("Ends a detection key for good.")
            .answers::<KeyView>(200, "The key as it is now."),
        post("/api/v1/keys/{id}/expire", Admin, "expireKey", keys::expire)
            .says("Says when a detection key ends.")
            .takes::<keys::Expiry>()
            .answers::<KeyView>(200, "The key as it is now."),
    ]
}
