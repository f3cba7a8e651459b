//! Who made which object of the provider's account, and what a batch's input file asks for.
//!
//! Owns the table of bindings, which gets large and is asked by id alone. Bindings are no administrative
//! changes: no row tells of them. It must never hold an object's content.

use super::{
    Store, StoreError, clean,
    connection::AnyConnection,
    schema::objects::{self, dsl},
};
use crate::types::{ObjectKind, UnixMillis};
use diesel::{
    ExpressionMethods as _, Insertable, QueryDsl as _, Queryable, RunQueryDsl as _, Selectable,
    SelectableHelper as _,
};
use serde_json::json;

/// Most rows or ids in one statement.
const PER_STATEMENT: usize = 1_000;

/// An object of the provider's account and the caller who made it through the gate.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ObjectBinding {
    /// The provider's id.
    pub id: String,
    /// What it is.
    pub kind: ObjectKind,
    /// The agent that made it.
    pub agent_id: String,
    /// The id of the AppContext through which it was made.
    pub app_context: Option<String>,
    /// When.
    pub created_at: UnixMillis,
    /// A batch's input file: the models that it asks for.
    pub models: Option<Vec<String>>,
    /// A batch's input file: the path that all its requests go to.
    pub endpoint: Option<String>,
}

#[derive(Insertable, Queryable, Selectable)]
#[diesel(table_name = objects, treat_none_as_default_value = false)]
struct Row {
    id: String,
    kind: String,
    agent_id: String,
    app_context: Option<String>,
    created_at: i64,
    models: Option<String>,
    endpoint: Option<String>,
}

impl Store {
    /// Remembers who made these objects. Whoever binds an id first keeps it.
    pub fn bind_objects(&self, bindings: &[ObjectBinding]) -> Result<(), StoreError> {
        let mut rows: Vec<Row> = bindings.iter().map(row_of).collect();
        // Gateways that lock the same rows in the same order cannot deadlock; a stable sort, so that of two
        // bindings of one id the first still comes first.
        rows.sort_by(|one, other| one.id.cmp(&other.id));
        self.state.write(None, |connection| {
            match connection {
                // Prepared once; a statement costs no round trip.
                AnyConnection::Sqlite(sqlite) => {
                    for row in &rows {
                        diesel::insert_into(objects::table)
                            .values(row)
                            .on_conflict_do_nothing()
                            .execute(sqlite)?;
                    }
                }
                AnyConnection::Postgres(postgres) => {
                    for chunk in rows.chunks(PER_STATEMENT) {
                        diesel::insert_into(objects::table)
                            .values(chunk)
                            .on_conflict_do_nothing()
                            .execute(postgres)?;
                    }
                }
            }
            Ok(())
        })
    }

    /// Those of these objects that were made through the gate, each once, in no order.
    pub fn objects_of(&self, ids: &[String]) -> Result<Vec<ObjectBinding>, StoreError> {
        let mut wanted: Vec<String> = ids.iter().map(|id| clean(id)).collect();
        wanted.sort();
        wanted.dedup();
        let rows: Vec<Row> = self.state.run(|connection| {
            let mut found = Vec::new();
            for chunk in wanted.chunks(PER_STATEMENT) {
                let rows = dsl::objects.filter(dsl::id.eq_any(chunk)).select(Row::as_select());
                found.extend(rows.load(connection)?);
            }
            Ok(found)
        })?;
        rows.into_iter().map(binding_of).collect()
    }
}

fn row_of(binding: &ObjectBinding) -> Row {
    Row {
        id: clean(&binding.id),
        kind: binding.kind.as_str().to_owned(),
        agent_id: clean(&binding.agent_id),
        app_context: binding.app_context.as_deref().map(clean),
        created_at: binding.created_at.0,
        models: binding.models.as_ref().map(|models| json!(models).to_string()),
        endpoint: binding.endpoint.as_deref().map(clean),
    }
}

fn binding_of(row: Row) -> Result<ObjectBinding, StoreError> {
    let corrupt = |what| StoreError::Corrupt { what };
    let models = row.models.as_deref().map(serde_json::from_str).transpose();
    Ok(ObjectBinding {
        id: row.id,
        kind: ObjectKind::parse(&row.kind).ok_or(corrupt("objects.kind"))?,
        agent_id: row.agent_id,
        app_context: row.app_context,
        created_at: UnixMillis(row.created_at),
        models: models.or(Err(corrupt("objects.models")))?,
        endpoint: row.endpoint,
    })
}

#[cfg(test)]
mod tests {
    use super::{super::testing::on_both_databases, *};

    on_both_databases!(
        what_was_bound_comes_back_whole,
        the_first_to_bind_an_id_keeps_it,
        more_objects_than_one_statement_takes_are_bound_and_found,
    );

    fn binding(id: &str, agent_id: &str) -> ObjectBinding {
        ObjectBinding {
            id: id.to_owned(),
            kind: ObjectKind::Response,
            agent_id: agent_id.to_owned(),
            app_context: None,
            created_at: UnixMillis(1),
            models: None,
            endpoint: None,
        }
    }

    fn found(store: &Store, id: &str) -> Option<ObjectBinding> {
        store.objects_of(&[id.to_owned()]).unwrap().pop()
    }

    fn what_was_bound_comes_back_whole(store: &Store) {
        let file = ObjectBinding {
            kind: ObjectKind::File,
            app_context: Some("ac_1".to_owned()),
            models: Some(vec!["gpt-4o".to_owned(), "o'\"1\"".to_owned()]),
            endpoint: Some("/v1/chat/completions".to_owned()),
            ..binding("file-1", "agent")
        };
        store.bind_objects(&[file.clone(), binding("resp_1", "agent")]).unwrap();
        assert_eq!(found(store, "file-1"), Some(file));
        assert_eq!(found(store, "resp_1"), Some(binding("resp_1", "agent")));
        assert_eq!(found(store, "FILE-1"), None);
        assert_eq!(store.latest_change().unwrap(), 0);
    }

    fn the_first_to_bind_an_id_keeps_it(store: &Store) {
        store.bind_objects(&[binding("a", "first"), binding("a", "second")]).unwrap();
        store.bind_objects(&[binding("b", "third"), binding("a", "third")]).unwrap();
        assert_eq!(found(store, "a"), Some(binding("a", "first")));
        assert_eq!(found(store, "b"), Some(binding("b", "third")));
    }

    fn more_objects_than_one_statement_takes_are_bound_and_found(store: &Store) {
        let many: Vec<ObjectBinding> = (0..2 * PER_STATEMENT + 1)
            .map(|number| binding(&format!("resp_{number:05}"), "agent"))
            .collect();
        store.bind_objects(&many).unwrap();
        let mut ids: Vec<String> = many.iter().map(|binding| binding.id.clone()).collect();
        ids.push("none".to_owned());
        ids.push(many[0].id.clone());
        let mut found = store.objects_of(&ids).unwrap();
        found.sort_by(|one, other| one.id.cmp(&other.id));
        assert_eq!(found, many);
        assert_eq!(store.objects_of(&[]).unwrap(), []);
    }
}
