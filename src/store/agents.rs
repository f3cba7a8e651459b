//! The registered agents.
//!
//! Owns their rows and what may change in them. It must never see a client secret, only its hash.

use super::{
    Store, StoreError, clean,
    connection::AnyConnection,
    schema::agents::{self, dsl},
};
use crate::types::{AgentStatus, UnixMillis};
use diesel::{
    ExpressionMethods as _, Insertable, OptionalExtension as _, QueryDsl as _, Queryable,
    RunQueryDsl as _, Selectable, SelectableHelper as _,
};
use serde_json::json;

/// What is needed to register an agent.
#[derive(Clone, Debug)]
pub struct NewAgent {
    /// A UUID as text.
    pub id: String,
    /// Unique.
    pub name: String,
    /// `interactive`, `autonomous`, …
    pub agent_type: String,
    /// Unique; what the agent signs in with.
    pub client_id: String,
    /// SHA-256 of the client secret.
    pub secret_hash: [u8; 32],
    /// Roles that the policy knows.
    pub roles: Vec<String>,
    /// Who answers for it.
    pub owner: Option<String>,
}

/// A registered agent.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Agent {
    /// A UUID as text.
    pub id: String,
    /// Unique.
    pub name: String,
    /// `interactive`, `autonomous`, …
    pub agent_type: String,
    /// Unique; what the agent signs in with.
    pub client_id: String,
    /// SHA-256 of the client secret.
    pub secret_hash: [u8; 32],
    /// Roles that the policy knows.
    pub roles: Vec<String>,
    /// Who answers for it.
    pub owner: Option<String>,
    /// Whether it may call.
    pub status: AgentStatus,
    /// In hundredths.
    pub risk_score: i64,
    /// When it was registered.
    pub created_at: UnixMillis,
    /// When it last changed.
    pub updated_at: UnixMillis,
}

#[derive(Insertable, Queryable, Selectable)]
#[diesel(table_name = agents, treat_none_as_default_value = false)]
struct AgentRow {
    id: String,
    name: String,
    agent_type: String,
    client_id: String,
    secret_hash: Vec<u8>,
    roles: String,
    owner: Option<String>,
    status: String,
    risk_score: i64,
    created_at: i64,
    updated_at: i64,
}

impl Store {
    /// Registers an agent, active. `Taken` says which of name, client id and id is in use.
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
            status: AgentStatus::Active,
            risk_score: 0,
            created_at: now,
            updated_at: now,
        };
        self.change(("agent.created", &agent.id), actor, now, |connection| {
            // No one else registers agents until this transaction ends: see Pool::write.
            refuse_if_taken(connection, &agent)?;
            diesel::insert_into(agents::table).values(row_of(&agent)).execute(connection)?;
            let Agent { name, agent_type, roles, owner, .. } = &agent;
            Ok(json!({ "name": name, "agent_type": agent_type, "roles": roles, "owner": owner }))
        })?;
        Ok(agent)
    }

    /// All agents by name.
    pub fn agents(&self) -> Result<Vec<Agent>, StoreError> {
        let rows: Vec<AgentRow> = self
            .state
            .run(|connection| Ok(dsl::agents.select(AgentRow::as_select()).load(connection)?))?;
        let mut agents = rows.into_iter().map(agent_of).collect::<Result<Vec<_>, _>>()?;
        // Not in SQL: collations differ.
        agents.sort_by(|one, other| one.name.cmp(&other.name));
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
        row.map(agent_of).transpose()
    }

    /// Sets an agent's status. `Revoked` when it is revoked already and is to be anything else.
    pub fn set_agent_status(
        &self,
        id: &str,
        status: AgentStatus,
        actor: &str,
        now: UnixMillis,
    ) -> Result<(), StoreError> {
        self.change(("agent.status", id), actor, now, |connection| {
            let from = status_of_existing(connection, id)?;
            if from == AgentStatus::Revoked && status != AgentStatus::Revoked {
                return Err(StoreError::Revoked);
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

fn refuse_if_taken(connection: &mut AnyConnection, agent: &Agent) -> Result<(), StoreError> {
    let in_use: Option<AgentRow> = dsl::agents
        .filter(dsl::name.eq(&agent.name))
        .or_filter(dsl::client_id.eq(&agent.client_id))
        .or_filter(dsl::id.eq(&agent.id))
        .select(AgentRow::as_select())
        .first(connection)
        .optional()?;
    match in_use {
        None => Ok(()),
        Some(row) if row.name == agent.name => Err(StoreError::Taken { what: "agent name" }),
        Some(row) if row.client_id == agent.client_id => {
            Err(StoreError::Taken { what: "client id" })
        }
        Some(_) => Err(StoreError::Taken { what: "agent id" }),
    }
}

fn status_of_existing(connection: &mut AnyConnection, id: &str) -> Result<AgentStatus, StoreError> {
    let status: Option<String> =
        dsl::agents.find(id).select(dsl::status).first(connection).optional()?;
    let status = status.ok_or(StoreError::NotFound { what: "agent" })?;
    AgentStatus::parse(&status).ok_or(StoreError::Corrupt { what: "agents.status" })
}

fn refuse_if_revoked(connection: &mut AnyConnection, id: &str) -> Result<(), StoreError> {
    match status_of_existing(connection, id)? {
        AgentStatus::Revoked => Err(StoreError::Revoked),
        _ => Ok(()),
    }
}

fn row_of(agent: &Agent) -> AgentRow {
    AgentRow {
        id: agent.id.clone(),
        name: agent.name.clone(),
        agent_type: agent.agent_type.clone(),
        client_id: agent.client_id.clone(),
        secret_hash: agent.secret_hash.to_vec(),
        roles: json!(agent.roles).to_string(),
        owner: agent.owner.clone(),
        status: agent.status.as_str().to_owned(),
        risk_score: agent.risk_score,
        created_at: agent.created_at.0,
        updated_at: agent.updated_at.0,
    }
}

fn agent_of(row: AgentRow) -> Result<Agent, StoreError> {
    let corrupt = |what| StoreError::Corrupt { what };
    Ok(Agent {
        id: row.id,
        name: row.name,
        agent_type: row.agent_type,
        client_id: row.client_id,
        secret_hash: row.secret_hash.try_into().or(Err(corrupt("agents.secret_hash")))?,
        roles: serde_json::from_str(&row.roles).or(Err(corrupt("agents.roles")))?,
        owner: row.owner,
        status: AgentStatus::parse(&row.status).ok_or(corrupt("agents.status"))?,
        risk_score: row.risk_score,
        created_at: UnixMillis(row.created_at),
        updated_at: UnixMillis(row.updated_at),
    })
}

#[cfg(test)]
mod tests {
    use super::{super::testing::on_both_databases, *};
    use crate::types::UnixMillis;
    use diesel::connection::SimpleConnection as _;
    use uuid::Uuid;

    const NOW: UnixMillis = UnixMillis(1_795_233_600_123);
    const LATER: UnixMillis = UnixMillis(1_795_233_600_456);

    on_both_databases!(
        an_agent_is_found_by_id_and_by_name,
        what_is_taken_is_named_and_nothing_is_written,
        every_change_of_an_agent_is_written_down_without_its_secret,
        a_revoked_agent_stays_revoked,
        an_unknown_agent_is_not_found,
        a_value_that_we_did_not_write_is_corrupt,
        a_name_with_nul_is_cleaned,
    );

    fn new_agent(name: &str) -> NewAgent {
        NewAgent {
            id: Uuid::now_v7().to_string(),
            name: name.to_owned(),
            agent_type: "autonomous".to_owned(),
            client_id: format!("client-{name}"),
            secret_hash: [7; 32],
            roles: vec!["developer".to_owned(), "o'neil \"x\"".to_owned()],
            owner: None,
        }
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
        assert_eq!(kinds, ["agent.created", "agent.status", "agent.roles", "agent.secret"]);
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
            store.rotate_agent_secret(&id, &[1; 32], "cli", NOW),
        ] {
            assert!(matches!(refused, Err(StoreError::Revoked)));
        }
        assert_eq!(store.agent(&id).unwrap().unwrap().status, AgentStatus::Revoked);
        assert_eq!(store.latest_change().unwrap(), before);
    }

    fn an_unknown_agent_is_not_found(store: &Store) {
        for refused in [
            store.set_agent_status("none", AgentStatus::Active, "cli", NOW),
            store.set_agent_roles("none", &[], "cli", NOW),
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
