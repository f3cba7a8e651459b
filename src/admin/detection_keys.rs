//! Detection keys: create, list, expire, revoke.
//!
//! Owns what a key is good for at a moment. A key leaves here once, when it is made.

use super::{AdminError, Lifetime, find_agent, find_app_context};
use crate::identity::secret;
use crate::store::{DetectionKey, NewDetectionKey, Store};
use crate::types::{AgentStatus, Sensitive, UnixMillis, text_enum};
use schemars::JsonSchema;
use serde::Deserialize;
use std::collections::HashMap;

/// So much of a key is kept to tell keys apart.
const SHOWN_CHARACTERS: usize = 4;

/// What an administrator says of a new key.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NewKeyRequest {
    /// The AppContext's name or id.
    pub app_context: String,
    /// The agent's name or id.
    pub agent: String,
    /// How long it is good; without it until it is revoked.
    #[serde(default)]
    pub expires_in: Option<Lifetime>,
}

/// A new key, shown this once.
#[derive(Debug)]
pub struct NewKey {
    /// Its id, which is not part of it.
    pub id: String,
    /// What the caller sends as `X-Detection-Key`.
    pub key: Sensitive<String>,
}

text_enum! {
    /// What a key is good for.
    KeyState {
        /// Calls with it are let in.
        Active = "active",
        /// Its time is over.
        Expired = "expired",
        /// It was revoked, or its AppContext or its agent was.
        Revoked = "revoked",
    }
}

/// A key with the names of what it belongs to.
#[derive(Clone, Debug)]
pub struct ListedKey {
    /// As it is stored.
    pub key: DetectionKey,
    /// The AppContext's name.
    pub app_context: String,
    /// The agent's name.
    pub agent: String,
    /// What it is good for.
    pub state: KeyState,
}

/// Makes a key. One for a revoked AppContext or agent is refused.
pub fn create_key(
    store: &Store,
    request: &NewKeyRequest,
    actor: &str,
    now: UnixMillis,
) -> Result<NewKey, AdminError> {
    let context = find_app_context(store, &request.app_context)?;
    let agent = find_agent(store, &request.agent)?;
    let key = secret::generate_detection_key()?;
    let new = NewDetectionKey {
        id: secret::generate_key_id()?,
        key_hash: secret::hash(key.expose()),
        last4: last_characters(key.expose()),
        app_context_id: context.id,
        agent_id: agent.id,
        expires_at: request.expires_in.map(|lifetime| lifetime.after(now)),
    };
    store.create_detection_key(&new, actor, now)?;
    Ok(NewKey { id: new.id, key })
}

/// The keys of one AppContext, or all, oldest first.
pub fn list_keys(
    store: &Store,
    app_context: Option<&str>,
    now: UnixMillis,
) -> Result<Vec<ListedKey>, AdminError> {
    let wanted = app_context.map(|name_or_id| find_app_context(store, name_or_id)).transpose()?;
    let contexts: HashMap<String, (String, bool)> = store
        .app_contexts()?
        .into_iter()
        .map(|context| (context.id, (context.name, context.revoked_at.is_some())))
        .collect();
    let agents: HashMap<String, (String, bool)> = store
        .agents()?
        .into_iter()
        .map(|agent| (agent.id, (agent.name, agent.status == AgentStatus::Revoked)))
        .collect();
    let listed = store
        .detection_keys()?
        .into_iter()
        .filter(|key| wanted.as_ref().is_none_or(|context| context.id == key.app_context_id))
        .map(|key| {
            let owner_of = |owners: &HashMap<String, (String, bool)>, id: &str| {
                owners.get(id).cloned().unwrap_or_else(|| (id.to_owned(), false))
            };
            let (app_context, context_revoked) = owner_of(&contexts, &key.app_context_id);
            let (agent, agent_revoked) = owner_of(&agents, &key.agent_id);
            let state = state_of(&key, context_revoked || agent_revoked, now);
            ListedKey { key, app_context, agent, state }
        });
    Ok(listed.collect())
}

/// Revokes a key for good.
pub fn revoke_key(
    store: &Store,
    id: &str,
    actor: &str,
    now: UnixMillis,
) -> Result<ListedKey, AdminError> {
    find_key(store, id, now)?;
    store.revoke_detection_key(id, actor, now)?;
    find_key(store, id, now)
}

/// Ends a key's time after so long, or now; that may also be later than before.
pub fn expire_key(
    store: &Store,
    id: &str,
    expires_in: Option<Lifetime>,
    actor: &str,
    now: UnixMillis,
) -> Result<ListedKey, AdminError> {
    find_key(store, id, now)?;
    let at = expires_in.map_or(now, |lifetime| lifetime.after(now));
    store.expire_detection_key(id, at, actor, now)?;
    find_key(store, id, now)
}

fn find_key(store: &Store, id: &str, now: UnixMillis) -> Result<ListedKey, AdminError> {
    let found = list_keys(store, None, now)?.into_iter().find(|listed| listed.key.id == id);
    found.ok_or_else(|| AdminError::NoSuch {
        what: "detection key",
        wanted: id.to_owned(),
        list: "key list",
    })
}

fn state_of(key: &DetectionKey, owner_is_revoked: bool, now: UnixMillis) -> KeyState {
    if owner_is_revoked || key.revoked_at.is_some() {
        KeyState::Revoked
    } else if key.expires_at.is_some_and(|expires_at| expires_at <= now) {
        KeyState::Expired
    } else {
        KeyState::Active
    }
}

fn last_characters(key: &str) -> String {
    let before = key.chars().count().saturating_sub(SHOWN_CHARACTERS);
    key.chars().skip(before).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::admin::testing::{agent, store};
    use crate::admin::{
        ConfiguredNames, NewAppContextRequest, create_app_context, revoke_app_context, set_status,
    };

    const NOW: UnixMillis = UnixMillis(1_795_233_600_123);

    fn context(store: &Store, name: &str) {
        let request =
            NewAppContextRequest { name: name.to_owned(), ..NewAppContextRequest::default() };
        create_app_context(store, &ConfiguredNames::default(), request, "cli", NOW).unwrap();
    }

    fn key(store: &Store, app_context: &str, expires_in: Option<&str>) -> NewKey {
        let request = NewKeyRequest {
            app_context: app_context.to_owned(),
            agent: "bot".to_owned(),
            expires_in: expires_in.map(|text| text.parse().unwrap()),
        };
        create_key(store, &request, "cli", NOW).unwrap()
    }

    fn states(store: &Store, at: UnixMillis) -> Vec<KeyState> {
        let mut keys = list_keys(store, None, at).unwrap();
        keys.sort_by(|one, other| one.app_context.cmp(&other.app_context));
        keys.into_iter().map(|listed| listed.state).collect()
    }

    #[test]
    fn a_key_is_listed_with_its_names_and_last_characters_only() {
        let (_data, store) = store();
        agent(&store, "bot");
        context(&store, "web");
        context(&store, "batch");
        let new = key(&store, "web", None);
        let listed = list_keys(&store, Some("web"), NOW).unwrap();
        assert_eq!((listed[0].app_context.as_str(), listed[0].agent.as_str()), ("web", "bot"));
        assert!(new.key.expose().ends_with(&listed[0].key.last4));
        let shown = serde_json::to_string(&crate::admin::shown::key(&listed[0])).unwrap();
        assert!(!shown.contains(new.key.expose()) && shown.contains(&new.id));
        assert!(list_keys(&store, Some("batch"), NOW).unwrap().is_empty());
        assert!(list_keys(&store, Some("nothing"), NOW).is_err());
    }

    #[test]
    fn a_key_ends_with_its_time_its_revocation_its_context_or_its_agent() {
        use KeyState::{Active, Expired, Revoked};
        let (_data, store) = store();
        agent(&store, "bot");
        let [first, second, ..] = ["a", "b", "c"].map(|name| {
            context(&store, name);
            key(&store, name, Some("1h"))
        });
        assert_eq!(states(&store, NOW), [Active, Active, Active]);
        assert_eq!(states(&store, NOW.plus_secs(3_600)), [Expired, Expired, Expired]);

        assert_eq!(expire_key(&store, &first.id, None, "cli", NOW).unwrap().state, Expired);
        let longer = "2h".parse().ok();
        assert_eq!(expire_key(&store, &first.id, longer, "cli", NOW).unwrap().state, Active);
        assert_eq!(revoke_key(&store, &second.id, "cli", NOW).unwrap().state, Revoked);
        assert!(expire_key(&store, &second.id, None, "cli", NOW).is_err());
        revoke_app_context(&store, "c", "cli", NOW).unwrap();
        assert_eq!(states(&store, NOW), [Active, Revoked, Revoked]);
        set_status(&store, "bot", AgentStatus::Revoked, "cli", NOW).unwrap();
        assert_eq!(states(&store, NOW), [Revoked, Revoked, Revoked]);
    }

    #[test]
    fn no_key_is_made_for_what_is_unknown_or_revoked() {
        let (_data, store) = store();
        agent(&store, "bot");
        context(&store, "web");
        let ask = |app_context: &str, agent: &str| {
            let (app_context, agent) = (app_context.to_owned(), agent.to_owned());
            let request = NewKeyRequest { app_context, agent, expires_in: None };
            create_key(&store, &request, "cli", NOW).unwrap_err().to_string()
        };
        assert!(ask("nothing", "bot").contains("no AppContext \"nothing\""));
        assert!(ask("web", "nobody").contains("no agent \"nobody\""));
        revoke_app_context(&store, "web", "cli", NOW).unwrap();
        assert!(ask("web", "bot").contains("AppContext is revoked"));
        context(&store, "other");
        set_status(&store, "bot", AgentStatus::Revoked, "cli", NOW).unwrap();
        assert!(ask("other", "bot").contains("agent is revoked"));
    }
}
