//! The AppContexts: named places of use, to which detection keys belong.
//!
//! Owns their rows and what may change in them. It must never hold a provider's key, only its name in
//! the configuration.

mod row;

use super::{
    Store, StoreError, UsageOf, clean,
    connection::AnyConnection,
    limits,
    schema::app_contexts::{self, dsl},
};
use crate::types::{CallerLimits, UnixMillis};
use diesel::{
    ExpressionMethods as _, OptionalExtension as _, QueryDsl as _, RunQueryDsl as _,
    SelectableHelper as _,
};
use row::{Row, context_of, row_of};
use serde_json::{Value, json};

/// What is needed to create an AppContext.
#[derive(Clone, Debug)]
pub struct NewAppContext {
    /// `ac_…`, unique.
    pub id: String,
    /// Unique.
    pub name: String,
    /// Patterns of the models that may be used through it; empty: all.
    pub allowed_models: Vec<String>,
    /// The name of the provider key in the configuration that replaces the caller's.
    pub provider_key: Option<String>,
    /// Selectors of the detection rules for it; empty: all.
    pub detectors: Vec<String>,
    /// How much may be asked for through it.
    pub limits: CallerLimits,
}

/// An AppContext as it is stored.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct AppContextRow {
    /// `ac_…`, unique.
    pub id: String,
    /// Unique.
    pub name: String,
    /// Patterns of the models that may be used through it; empty: all.
    pub allowed_models: Vec<String>,
    /// The name of the provider key in the configuration that replaces the caller's.
    pub provider_key: Option<String>,
    /// Selectors of the detection rules for it; empty: all.
    pub detectors: Vec<String>,
    /// How much may be asked for through it.
    pub limits: CallerLimits,
    /// When it was created.
    pub created_at: UnixMillis,
    /// When it last changed.
    pub updated_at: UnixMillis,
    /// When it was revoked, with all its keys.
    pub revoked_at: Option<UnixMillis>,
    /// When a call was let in through it last, up to a second ago.
    pub last_call_at: Option<UnixMillis>,
}

/// What is to be different in an AppContext; `None` leaves a thing as it is.
#[derive(Clone, Debug, Default)]
pub struct AppContextChange {
    /// The new list; empty: all models.
    pub allowed_models: Option<Vec<String>>,
    /// The new name of a provider key, or none any more.
    pub provider_key: Option<Option<String>>,
    /// The new selectors; empty: all rules.
    pub detectors: Option<Vec<String>>,
    /// All limits anew.
    pub limits: Option<CallerLimits>,
}

impl Store {
    /// Creates an AppContext. `Taken` says which of name and id is in use.
    pub fn create_app_context(
        &self,
        new: &NewAppContext,
        actor: &str,
        now: UnixMillis,
    ) -> Result<AppContextRow, StoreError> {
        let context = AppContextRow {
            id: clean(&new.id),
            name: clean(&new.name),
            allowed_models: new.allowed_models.clone(),
            provider_key: new.provider_key.as_deref().map(clean),
            detectors: new.detectors.clone(),
            limits: new.limits,
            created_at: now,
            updated_at: now,
            revoked_at: None,
            last_call_at: None,
        };
        self.change(("app_context.created", &context.id), actor, now, |connection| {
            refuse_if_taken(connection, &context)?;
            diesel::insert_into(app_contexts::table)
                .values(row_of(&context))
                .execute(connection)?;
            Ok(detail_of(&context))
        })?;
        Ok(context)
    }

    /// All AppContexts by name, revoked ones too, without their last calls.
    pub fn app_contexts(&self) -> Result<Vec<AppContextRow>, StoreError> {
        let rows: Vec<Row> = self
            .state
            .run(|connection| Ok(dsl::app_contexts.select(Row::as_select()).load(connection)?))?;
        let mut contexts = rows.into_iter().map(context_of).collect::<Result<Vec<_>, _>>()?;
        // Not in SQL: collations differ.
        contexts.sort_by(|one, other| one.name.cmp(&other.name));
        Ok(contexts)
    }

    /// All AppContexts by name, each with its last call: that takes a look at every count of requests.
    pub fn app_contexts_with_last_calls(&self) -> Result<Vec<AppContextRow>, StoreError> {
        let mut contexts = self.app_contexts()?;
        let calls = self.last_calls(UsageOf::AppContext, None)?;
        contexts.iter_mut().for_each(|it| it.last_call_at = calls.get(&it.id).copied());
        Ok(contexts)
    }

    /// The AppContext with this id or, failing that, this name.
    pub fn app_context(&self, name_or_id: &str) -> Result<Option<AppContextRow>, StoreError> {
        let wanted = clean(name_or_id);
        let found = self.state.run(|connection| {
            if let Some(context) = context_by_id(connection, &wanted)? {
                return Ok(Some(context));
            }
            let by_name = dsl::app_contexts.filter(dsl::name.eq(&wanted)).select(Row::as_select());
            by_name.first(connection).optional()?.map(context_of).transpose()
        })?;
        found.map(|context| self.with_last_call(context)).transpose()
    }

    fn with_last_call(&self, context: AppContextRow) -> Result<AppContextRow, StoreError> {
        let last_calls = self.last_calls(UsageOf::AppContext, Some(&context.id))?;
        Ok(AppContextRow { last_call_at: last_calls.get(&context.id).copied(), ..context })
    }

    /// Changes an AppContext and returns it as it is then. `Revoked` when it is revoked.
    pub fn update_app_context(
        &self,
        id: &str,
        change: AppContextChange,
        actor: &str,
        now: UnixMillis,
    ) -> Result<AppContextRow, StoreError> {
        let mut changed = None;
        self.change(("app_context.updated", id), actor, now, |connection| {
            let context = usable_context(connection, id)?;
            let context = AppContextRow {
                allowed_models: change.allowed_models.unwrap_or(context.allowed_models),
                provider_key: match change.provider_key {
                    Some(provider_key) => provider_key.as_deref().map(clean),
                    None => context.provider_key,
                },
                detectors: change.detectors.unwrap_or(context.detectors),
                limits: change.limits.unwrap_or(context.limits),
                updated_at: now,
                ..context
            };
            let row = row_of(&context);
            diesel::update(dsl::app_contexts.find(id))
                .set((
                    dsl::allowed_models.eq(row.allowed_models),
                    dsl::provider_key.eq(row.provider_key),
                    dsl::detectors.eq(row.detectors),
                    dsl::requests_per_minute.eq(row.requests_per_minute),
                    dsl::monthly_requests.eq(row.monthly_requests),
                    dsl::concurrent_streams.eq(row.concurrent_streams),
                    dsl::updated_at.eq(row.updated_at),
                ))
                .execute(connection)?;
            let detail = detail_of(&context);
            changed = Some(context);
            Ok(detail)
        })?;
        self.with_last_call(changed.ok_or(NOT_FOUND)?)
    }

    /// Revokes an AppContext, for good: none of its keys is worth anything from now on. Once is enough.
    pub fn revoke_app_context(
        &self,
        id: &str,
        actor: &str,
        now: UnixMillis,
    ) -> Result<(), StoreError> {
        self.change_if(("app_context.revoked", id), actor, now, |connection| {
            let context = context_by_id(connection, id)?.ok_or(NOT_FOUND)?;
            if context.revoked_at.is_some() {
                return Ok(None);
            }
            diesel::update(dsl::app_contexts.find(id))
                .set((dsl::revoked_at.eq(now.0), dsl::updated_at.eq(now.0)))
                .execute(connection)?;
            Ok(Some(json!({ "name": context.name })))
        })
    }
}

const NOT_FOUND: StoreError = StoreError::NotFound { what: "AppContext" };

/// The AppContext of this id. `NotFound`, or `Revoked` when it may not be used or changed any more.
pub(super) fn usable_context(
    connection: &mut AnyConnection,
    id: &str,
) -> Result<AppContextRow, StoreError> {
    let context = context_by_id(connection, id)?.ok_or(NOT_FOUND)?;
    match context.revoked_at {
        Some(_) => Err(StoreError::Revoked { what: "AppContext" }),
        None => Ok(context),
    }
}

fn context_by_id(
    connection: &mut AnyConnection,
    id: &str,
) -> Result<Option<AppContextRow>, StoreError> {
    let row: Option<Row> =
        dsl::app_contexts.find(id).select(Row::as_select()).first(connection).optional()?;
    row.map(context_of).transpose()
}

fn refuse_if_taken(
    connection: &mut AnyConnection,
    context: &AppContextRow,
) -> Result<(), StoreError> {
    let in_use: Option<String> = dsl::app_contexts
        .filter(dsl::name.eq(&context.name))
        .or_filter(dsl::id.eq(&context.id))
        .select(dsl::name)
        .first(connection)
        .optional()?;
    match in_use {
        None => Ok(()),
        Some(name) if name == context.name => Err(StoreError::Taken { what: "AppContext name" }),
        Some(_) => Err(StoreError::Taken { what: "AppContext id" }),
    }
}

/// What an administrator decided about it.
fn detail_of(context: &AppContextRow) -> Value {
    json!({
        "name": context.name,
        "allowed_models": context.allowed_models,
        "provider_key": context.provider_key,
        "detectors": context.detectors,
        "limits": limits::shown(context.limits),
    })
}

#[cfg(test)]
mod tests {
    use super::{super::testing::on_both_databases, *};

    const NOW: UnixMillis = UnixMillis(1_795_233_600_123);
    const LATER: UnixMillis = UnixMillis(1_795_233_600_456);

    on_both_databases!(
        a_context_is_found_by_id_and_by_name,
        what_is_taken_is_named_and_nothing_is_written,
        a_change_leaves_alone_what_it_does_not_name,
        a_revoked_context_stays_revoked,
        an_unknown_context_is_not_found,
    );

    fn new_context(name: &str) -> NewAppContext {
        NewAppContext {
            id: format!("ac_{name}"),
            name: name.to_owned(),
            allowed_models: vec!["gpt-4o*".to_owned(), "o'\"1\"".to_owned()],
            provider_key: Some("team-a".to_owned()),
            detectors: vec!["type:PII_*".to_owned(), "openai-key".to_owned()],
            limits: CallerLimits { monthly_requests: Some(5), ..CallerLimits::default() },
        }
    }

    fn create(store: &Store, name: &str) -> AppContextRow {
        store.create_app_context(&new_context(name), "cli", NOW).unwrap()
    }

    fn a_context_is_found_by_id_and_by_name(store: &Store) {
        let (second, first) = (create(store, "second"), create(store, "first"));
        assert_eq!(store.app_context("ac_first").unwrap().as_ref(), Some(&first));
        assert_eq!(store.app_context("second").unwrap().as_ref(), Some(&second));
        assert_eq!(store.app_context("third").unwrap(), None);
        assert_eq!(store.app_contexts().unwrap(), [first, second]);
    }

    fn what_is_taken_is_named_and_nothing_is_written(store: &Store) {
        create(store, "one");
        let taken = |new: NewAppContext| match store.create_app_context(&new, "cli", NOW) {
            Err(StoreError::Taken { what }) => what,
            other => panic!("{other:?}"),
        };
        assert_eq!(taken(new_context("one")), "AppContext name");
        let id = "ac_one".to_owned();
        assert_eq!(taken(NewAppContext { id, ..new_context("two") }), "AppContext id");
        assert_eq!(store.app_contexts().unwrap().len(), 1);
        assert_eq!(store.latest_change().unwrap(), 1);
    }

    fn a_change_leaves_alone_what_it_does_not_name(store: &Store) {
        let made = create(store, "one");
        let update = |change| store.update_app_context(&made.id, change, "admin", LATER).unwrap();
        let nothing = update(AppContextChange::default());
        assert_eq!(nothing, AppContextRow { updated_at: LATER, ..made.clone() });
        let open = update(AppContextChange {
            allowed_models: Some(Vec::new()),
            provider_key: Some(None),
            detectors: Some(Vec::new()),
            limits: None,
        });
        assert_eq!(made.detectors, ["type:PII_*", "openai-key"]);
        assert!(open.detectors.is_empty());
        assert_eq!((open.allowed_models.len(), &open.provider_key), (0, &None));
        assert_eq!(open.limits, made.limits);
        let limits = CallerLimits { concurrent_streams: Some(2), ..CallerLimits::default() };
        let limited = update(AppContextChange { limits: Some(limits), ..Default::default() });
        assert_eq!(limited, AppContextRow { limits, ..open });
        assert_eq!(store.app_context("one").unwrap(), Some(limited));

        let changes = store.changes_after(0, 10).unwrap();
        assert_eq!(changes[0].kind, "app_context.created");
        assert_eq!(changes[0].detail["allowed_models"], json!(["gpt-4o*", "o'\"1\""]));
        assert_eq!(changes[3].kind, "app_context.updated");
        assert_eq!(changes[3].detail["limits"]["concurrent_streams"], 2);
        assert!(changes.iter().all(|change| change.subject == made.id));
    }

    fn a_revoked_context_stays_revoked(store: &Store) {
        let made = create(store, "one");
        store.revoke_app_context(&made.id, "cli", LATER).unwrap();
        store.revoke_app_context(&made.id, "cli", UnixMillis(LATER.0 + 1)).unwrap();
        let change = AppContextChange::default();
        let refused = store.update_app_context(&made.id, change, "cli", LATER);
        assert!(matches!(refused, Err(StoreError::Revoked { what: "AppContext" })));
        let revoked = AppContextRow { revoked_at: Some(LATER), updated_at: LATER, ..made };
        assert_eq!(store.app_context("one").unwrap(), Some(revoked));
        assert_eq!(store.latest_change().unwrap(), 2);
    }

    fn an_unknown_context_is_not_found(store: &Store) {
        let change = AppContextChange::default();
        for refused in [
            store.update_app_context("none", change, "cli", NOW).map(drop),
            store.revoke_app_context("none", "cli", NOW),
        ] {
            assert!(matches!(refused, Err(StoreError::NotFound { what: "AppContext" })));
        }
        assert_eq!(store.latest_change().unwrap(), 0);
    }
}
