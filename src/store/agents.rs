//! The registered agents.
//!
//! Owns their rows and what may change in them. It must never see a client secret, only its hash.

mod conduct;
mod quarantine;
mod row;

pub use quarantine::Approval;
pub use row::{Agent, ExternalIdentity, NewAgent, Quarantine};

use super::{
    Store, StoreError, UsageOf, clean,
    connection::AnyConnection,
    limits,
    schema::agents::{self, dsl},
};
use crate::trust::Reputation;
use crate::types::{AgentStatus, CallerLimits, UnixMillis};
use diesel::{
    BoolExpressionMethods as _, ExpressionMethods as _, OptionalExtension as _, QueryDsl as _,
    RunQueryDsl as _, SelectableHelper as _,
};
use row::{AgentRow, agent_of, identity_columns, row_of};
use serde_json::{Value, json};

impl Store {
    /// Registers an agent, active. `Taken` says which of name, client id, external identity and
    /// id is in use.
    pub fn create_agent(
        &self,
        new: &NewAgent,
        actor: &str,
        now: UnixMillis,
    ) -> Result<Agent, StoreError> {
        let agent = Agent {
            id: clean(&new.id),
            name: clean(&new.name),
            agent_type: clean(&new.agent_type),
            client_id: clean(&new.client_id),
            secret_hash: new.secret_hash,
            roles: new.roles.clone(),
            owner: new.owner.as_deref().map(clean),
            identity: new.identity.as_ref().map(|known| ExternalIdentity {
                issuer: clean(&known.issuer),
                subject: clean(&known.subject),
            }),
            limits: new.limits,
            status: AgentStatus::Active,
            quarantine: None,
            reputation: Reputation::default(),
            last_call_at: None,
            created_at: now,
            updated_at: now,
        };
        self.change(("agent.created", &agent.id), actor, now, |connection| {
            // No one else registers agents until this transaction ends: see Pool::write.
            refuse_if_taken(connection, &agent)?;
            diesel::insert_into(agents::table).values(row_of(&agent)).execute(connection)?;
            Ok(detail_of(&agent))
        })?;
        Ok(agent)
    }

    /// All agents by name, without their last calls.
    pub fn agents(&self) -> Result<Vec<Agent>, StoreError> {
        let rows: Vec<AgentRow> = self
            .state
            .run(|connection| Ok(dsl::agents.select(AgentRow::as_select()).load(connection)?))?;
        let mut agents = rows.into_iter().map(agent_of).collect::<Result<Vec<_>, _>>()?;
        // Not in SQL: collations differ.
        agents.sort_by(|one, other| one.name.cmp(&other.name));
        Ok(agents)
    }

    /// All agents by name, each with its last call: that takes a look at every count of requests.
    pub fn agents_with_last_calls(&self) -> Result<Vec<Agent>, StoreError> {
        let mut agents = self.agents()?;
        let calls = self.last_calls(UsageOf::Agent, None)?;
        agents.iter_mut().for_each(|it| it.last_call_at = calls.get(&it.id).copied());
        Ok(agents)
    }

    /// The agent with this id or, failing that, this name.
    pub fn agent(&self, name_or_id: &str) -> Result<Option<Agent>, StoreError> {
        let wanted = clean(name_or_id);
        let row = self.state.run(|connection| {
            if let Some(row) = row_by_id(connection, &wanted)? {
                return Ok(Some(row));
            }
            let by_name = dsl::agents.filter(dsl::name.eq(&wanted)).select(AgentRow::as_select());
            Ok(by_name.first(connection).optional()?)
        })?;
        let Some(mut agent) = row.map(agent_of).transpose()? else { return Ok(None) };
        let last_calls = self.last_calls(UsageOf::Agent, Some(&agent.id))?;
        agent.last_call_at = last_calls.get(&agent.id).copied();
        Ok(Some(agent))
    }

    /// Sets an agent's status. `Revoked` when it is revoked already and is to be anything else; `Quarantined` when it is
    /// and is to be anything but revoked.
    pub fn set_agent_status(
        &self,
        id: &str,
        status: AgentStatus,
        actor: &str,
        now: UnixMillis,
    ) -> Result<(), StoreError> {
        let kind = match status {
            AgentStatus::Active => "agent.resumed",
            AgentStatus::Suspended => "agent.suspended",
            AgentStatus::Quarantined => "agent.quarantined",
            AgentStatus::Revoked => "agent.revoked",
        };
        self.change((kind, id), actor, now, |connection| {
            let from = status_of_existing(connection, id)?;
            if from == AgentStatus::Revoked && status != AgentStatus::Revoked {
                return Err(StoreError::Revoked { what: "agent" });
            }
            if from == AgentStatus::Quarantined && status != AgentStatus::Revoked {
                return Err(StoreError::Quarantined);
            }
            diesel::update(dsl::agents.find(id))
                .set((dsl::status.eq(status.as_str()), dsl::updated_at.eq(now.0)))
                .execute(connection)?;
            Ok(json!({ "from": from, "to": status }))
        })
    }

    /// Replaces an agent's roles. `Revoked` when it is revoked.
    pub fn set_agent_roles(
        &self,
        id: &str,
        roles: &[String],
        actor: &str,
        now: UnixMillis,
    ) -> Result<(), StoreError> {
        self.change(("agent.roles", id), actor, now, |connection| {
            refuse_if_revoked(connection, id)?;
            diesel::update(dsl::agents.find(id))
                .set((dsl::roles.eq(json!(roles).to_string()), dsl::updated_at.eq(now.0)))
                .execute(connection)?;
            Ok(json!({ "roles": roles }))
        })
    }

    /// Replaces all of an agent's limits. `Revoked` when it is revoked.
    pub fn set_agent_limits(
        &self,
        id: &str,
        new: CallerLimits,
        actor: &str,
        now: UnixMillis,
    ) -> Result<(), StoreError> {
        self.change(("agent.limits", id), actor, now, |connection| {
            refuse_if_revoked(connection, id)?;
            let (requests_per_minute, monthly_requests, concurrent_streams) = limits::columns(new);
            diesel::update(dsl::agents.find(id))
                .set((
                    dsl::requests_per_minute.eq(requests_per_minute),
                    dsl::monthly_requests.eq(monthly_requests),
                    dsl::concurrent_streams.eq(concurrent_streams),
                    dsl::updated_at.eq(now.0),
                ))
                .execute(connection)?;
            Ok(json!({ "limits": limits::shown(new) }))
        })
    }

    /// Replaces an agent's secret by its hash. `Revoked` when it is revoked.
    pub fn rotate_agent_secret(
        &self,
        id: &str,
        secret_hash: &[u8; 32],
        actor: &str,
        now: UnixMillis,
    ) -> Result<(), StoreError> {
        self.change(("agent.secret", id), actor, now, |connection| {
            refuse_if_revoked(connection, id)?;
            diesel::update(dsl::agents.find(id))
                .set((dsl::secret_hash.eq(secret_hash.as_slice()), dsl::updated_at.eq(now.0)))
                .execute(connection)?;
            Ok(json!({}))
        })
    }
}

fn row_by_id(connection: &mut AnyConnection, id: &str) -> Result<Option<AgentRow>, StoreError> {
    Ok(dsl::agents.find(id).select(AgentRow::as_select()).first(connection).optional()?)
}

/// What an administrator decided about a new agent.
fn detail_of(agent: &Agent) -> Value {
    let identity = agent
        .identity
        .as_ref()
        .map(|known| json!({ "issuer": known.issuer, "subject": known.subject }));
    json!({
        "name": agent.name,
        "agent_type": agent.agent_type,
        "roles": agent.roles,
        "owner": agent.owner,
        "identity": identity,
        "limits": limits::shown(agent.limits),
    })
}

fn refuse_if_taken(connection: &mut AnyConnection, agent: &Agent) -> Result<(), StoreError> {
    let (issuer, subject) = identity_columns(agent.identity.as_ref());
    let in_use: Option<AgentRow> = dsl::agents
        .filter(dsl::name.eq(&agent.name))
        .or_filter(dsl::client_id.eq(&agent.client_id))
        .or_filter(dsl::id.eq(&agent.id))
        .or_filter(dsl::issuer.eq(&issuer).and(dsl::subject.eq(&subject)))
        .select(AgentRow::as_select())
        .first(connection)
        .optional()?;
    match in_use {
        None => Ok(()),
        Some(row) if row.name == agent.name => Err(StoreError::Taken { what: "agent name" }),
        Some(row) if row.client_id == agent.client_id => {
            Err(StoreError::Taken { what: "client id" })
        }
        Some(row) if row.id == agent.id => Err(StoreError::Taken { what: "agent id" }),
        Some(_) => Err(StoreError::Taken { what: "external identity" }),
    }
}

fn status_of_existing(connection: &mut AnyConnection, id: &str) -> Result<AgentStatus, StoreError> {
    let status: Option<String> =
        dsl::agents.find(id).select(dsl::status).first(connection).optional()?;
    let status = status.ok_or(StoreError::NotFound { what: "agent" })?;
    AgentStatus::parse(&status).ok_or(StoreError::Corrupt { what: "agents.status" })
}

/// `NotFound` or `Revoked`, unless there is such an agent that may still change.
pub(super) fn refuse_if_revoked(
    connection: &mut AnyConnection,
    id: &str,
) -> Result<(), StoreError> {
    match status_of_existing(connection, id)? {
        AgentStatus::Revoked => Err(StoreError::Revoked { what: "agent" }),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::{
        super::testing::{new_agent, on_both_databases},
        *,
    };
    use diesel::connection::SimpleConnection as _;

    const NOW: UnixMillis = UnixMillis(1_795_233_600_123);
    const LATER: UnixMillis = UnixMillis(1_795_233_600_456);

    on_both_databases!(
        an_agent_is_found_by_id_and_by_name,
        what_is_taken_is_named_and_nothing_is_written,
        an_external_identity_belongs_to_one_agent,
        limits_come_back_as_they_were_set,
        every_change_of_an_agent_is_written_down_without_its_secret,
        a_revoked_agent_stays_revoked,
        an_unknown_agent_is_not_found,
        a_value_that_we_did_not_write_is_corrupt,
        a_name_with_nul_is_cleaned,
    );

    fn known_as(issuer: &str, subject: &str) -> Option<ExternalIdentity> {
        Some(ExternalIdentity { issuer: issuer.to_owned(), subject: subject.to_owned() })
    }

    fn an_agent_is_found_by_id_and_by_name(store: &Store) {
        let second = store.create_agent(&new_agent("second"), "cli", NOW).unwrap();
        let first = store.create_agent(&new_agent("first"), "cli", NOW).unwrap();
        assert_eq!(store.agent(&first.id).unwrap().as_ref(), Some(&first));
        assert_eq!(store.agent("second").unwrap().as_ref(), Some(&second));
        assert_eq!(store.agent("third").unwrap(), None);
        assert_eq!(store.agents().unwrap(), [first, second]);
    }

    fn what_is_taken_is_named_and_nothing_is_written(store: &Store) {
        let one = store.create_agent(&new_agent("one"), "cli", NOW).unwrap();
        let taken = |new: NewAgent| match store.create_agent(&new, "cli", NOW) {
            Err(StoreError::Taken { what }) => what,
            other => panic!("{other:?}"),
        };
        assert_eq!(taken(new_agent("one")), "agent name");
        assert_eq!(taken(NewAgent { client_id: one.client_id, ..new_agent("two") }), "client id");
        assert_eq!(taken(NewAgent { id: one.id, ..new_agent("two") }), "agent id");
        assert_eq!(store.agents().unwrap().len(), 1);
        assert_eq!(store.changes_after(0, 10).unwrap().len(), 1);
    }

    fn an_external_identity_belongs_to_one_agent(store: &Store) {
        let known = |name: &str, identity| NewAgent { identity, ..new_agent(name) };
        let create = |new: &NewAgent| store.create_agent(new, "cli", NOW);
        let one = create(&known("one", known_as("corp", "1"))).unwrap();
        create(&known("two", known_as("corp", "2"))).unwrap();
        create(&known("three", known_as("other", "1"))).unwrap();
        create(&known("four", None)).unwrap();
        create(&known("five", None)).unwrap();
        let refused = create(&known("six", known_as("corp", "1")));
        assert!(matches!(refused, Err(StoreError::Taken { what: "external identity" })));
        assert_eq!(store.agent("one").unwrap(), Some(one));
        let detail = &store.changes_after(0, 1).unwrap()[0].detail;
        assert_eq!(detail["identity"], json!({ "issuer": "corp", "subject": "1" }));
    }

    fn limits_come_back_as_they_were_set(store: &Store) {
        let first = CallerLimits { requests_per_minute: Some(u32::MAX), ..CallerLimits::default() };
        let new = NewAgent { limits: first, ..new_agent("one") };
        let agent = store.create_agent(&new, "cli", NOW).unwrap();
        assert_eq!(store.agent("one").unwrap().as_ref(), Some(&agent));
        let then = CallerLimits {
            requests_per_minute: None,
            monthly_requests: Some(1_000_000),
            concurrent_streams: Some(0),
        };
        store.set_agent_limits(&agent.id, then, "cli", LATER).unwrap();
        let changed = Agent { limits: then, updated_at: LATER, ..agent };
        assert_eq!(store.agent("one").unwrap(), Some(changed));
        let change = &store.changes_after(1, 1).unwrap()[0];
        assert_eq!(change.kind, "agent.limits");
        assert_eq!(change.detail["limits"]["monthly_requests"], 1_000_000);
    }

    fn every_change_of_an_agent_is_written_down_without_its_secret(store: &Store) {
        assert_eq!(store.latest_change().unwrap(), 0);
        let id = store.create_agent(&new_agent("one"), "cli", NOW).unwrap().id;
        store.set_agent_status(&id, AgentStatus::Suspended, "admin", LATER).unwrap();
        store.set_agent_roles(&id, &["reader".to_owned()], "admin", LATER).unwrap();
        store.rotate_agent_secret(&id, &[9; 32], "admin", LATER).unwrap();

        let agent = store.agent(&id).unwrap().unwrap();
        assert_eq!((agent.status, agent.secret_hash), (AgentStatus::Suspended, [9; 32]));
        assert_eq!((agent.roles, agent.updated_at), (vec!["reader".to_owned()], LATER));
        assert_eq!(agent.created_at, NOW);

        let changes = store.changes_after(0, 10).unwrap();
        let kinds: Vec<_> = changes.iter().map(|change| change.kind.as_str()).collect();
        assert_eq!(kinds, ["agent.created", "agent.suspended", "agent.roles", "agent.secret"]);
        assert!(changes.iter().all(|change| change.subject == id));
        assert_eq!(changes[1].detail, json!({ "from": "active", "to": "suspended" }));
        assert_eq!((changes[1].actor.as_str(), changes[1].at), ("admin", LATER));
        assert_eq!(changes[3].detail, json!({}));
        assert_eq!(store.latest_change().unwrap(), changes[3].seq);
        assert_eq!(store.changes_after(changes[1].seq, 1).unwrap(), changes[2..3]);
    }

    fn a_revoked_agent_stays_revoked(store: &Store) {
        let id = store.create_agent(&new_agent("one"), "cli", NOW).unwrap().id;
        store.set_agent_status(&id, AgentStatus::Revoked, "cli", NOW).unwrap();
        store.set_agent_status(&id, AgentStatus::Revoked, "cli", NOW).unwrap();
        let before = store.latest_change().unwrap();
        for refused in [
            store.set_agent_status(&id, AgentStatus::Active, "cli", NOW),
            store.set_agent_roles(&id, &[], "cli", NOW),
            store.set_agent_limits(&id, CallerLimits::default(), "cli", NOW),
            store.rotate_agent_secret(&id, &[1; 32], "cli", NOW),
        ] {
            assert!(matches!(refused, Err(StoreError::Revoked { what: "agent" })));
        }
        assert_eq!(store.agent(&id).unwrap().unwrap().status, AgentStatus::Revoked);
        assert_eq!(store.latest_change().unwrap(), before);
    }

    fn an_unknown_agent_is_not_found(store: &Store) {
        for refused in [
            store.set_agent_status("none", AgentStatus::Active, "cli", NOW),
            store.set_agent_roles("none", &[], "cli", NOW),
            store.set_agent_limits("none", CallerLimits::default(), "cli", NOW),
            store.rotate_agent_secret("none", &[1; 32], "cli", NOW),
        ] {
            assert!(matches!(refused, Err(StoreError::NotFound { what: "agent" })));
        }
        assert_eq!(store.latest_change().unwrap(), 0);
    }

    fn a_value_that_we_did_not_write_is_corrupt(store: &Store) {
        store.create_agent(&new_agent("one"), "cli", NOW).unwrap();
        let by_hand = "UPDATE agents SET status = 'happy'";
        store.state.run(|connection| Ok(connection.batch_execute(by_hand)?)).unwrap();
        let error = store.agent("one").unwrap_err();
        assert!(matches!(error, StoreError::Corrupt { what: "agents.status" }), "{error}");
        assert!(!matches!(error, StoreError::Unavailable { .. }));
    }

    fn a_name_with_nul_is_cleaned(store: &Store) {
        let agent = store.create_agent(&new_agent("a\0b"), "c\0li", NOW).unwrap();
        assert_eq!(agent.name, "a\u{fffd}b");
        assert_eq!(store.agent("a\0b").unwrap(), Some(agent));
    }
}
