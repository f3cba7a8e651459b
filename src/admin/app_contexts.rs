//! AppContexts: create, find, change, revoke.
//!
//! Owns what makes a valid AppContext. A provider's key is only ever named here.

use super::{AdminError, ConfiguredNames, InvalidRequest, LimitChange, NameConflict};
use crate::detect::Selector;
use crate::identity::{check_app_context_name, secret};
use crate::policy::Pattern;
use crate::store::{AppContextChange, NewAppContext, Store};
use crate::types::{CallerLimits, UnixMillis};
use schemars::JsonSchema;
use serde::{Deserialize, Deserializer};

pub use crate::store::AppContextRow;

/// How ids of AppContexts begin; no name may.
const ID_PREFIX: &str = "ac_";

/// What an administrator says of a new AppContext.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NewAppContextRequest {
    /// Unique, `[a-z0-9][a-z0-9._-]{0,62}`.
    pub name: String,
    /// Patterns of the models that may be used through it; empty: all.
    #[serde(default)]
    pub allowed_models: Vec<String>,
    /// The configuration's name of the provider key that replaces the caller's.
    #[serde(default)]
    pub provider_key: Option<String>,
    /// The detection rules that its calls are screened with: ids, `type:PATTERN` or `class:CLASS`; empty: all.
    #[serde(default)]
    pub detectors: Vec<String>,
    /// How much may be asked for through it.
    #[serde(default)]
    pub limits: LimitChange,
}

/// What is to be different in an AppContext; what is absent stays as it is.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct AppContextChangeRequest {
    /// The new list; empty: all models.
    pub allowed_models: Option<Vec<String>>,
    /// The new name of a provider key; null: none.
    #[serde(deserialize_with = "present")]
    pub provider_key: Option<Option<String>>,
    /// The new selectors of detection rules; empty: all.
    pub detectors: Option<Vec<String>>,
    /// What changes in its limits.
    pub limits: LimitChange,
}

/// Creates an AppContext.
pub fn create_app_context(
    store: &Store,
    names: &ConfiguredNames,
    request: NewAppContextRequest,
    actor: &str,
    now: UnixMillis,
) -> Result<AppContextRow, AdminError> {
    check_app_context_name(&request.name)?;
    if request.name.starts_with(ID_PREFIX) {
        return Err(NameConflict::NameIsId(request.name).into());
    }
    check_patterns(&request.allowed_models)?;
    check_selectors(&request.detectors)?;
    if let Some(name) = &request.provider_key {
        names.check_provider_key(name)?;
    }
    let new = NewAppContext {
        id: secret::generate_app_context_id()?,
        name: request.name,
        allowed_models: request.allowed_models,
        provider_key: request.provider_key,
        detectors: request.detectors,
        limits: request.limits.apply_to(CallerLimits::default()),
    };
    Ok(store.create_app_context(&new, actor, now)?)
}

/// The AppContext with this name or id.
pub fn find_app_context(store: &Store, name_or_id: &str) -> Result<AppContextRow, AdminError> {
    store.app_context(name_or_id)?.ok_or_else(|| AdminError::NoSuch {
        what: "AppContext",
        wanted: name_or_id.to_owned(),
        list: "app-context list",
    })
}

/// Changes an AppContext; calls that run are not touched.
pub fn change_app_context(
    store: &Store,
    names: &ConfiguredNames,
    name_or_id: &str,
    request: AppContextChangeRequest,
    actor: &str,
    now: UnixMillis,
) -> Result<AppContextRow, AdminError> {
    let context = find_app_context(store, name_or_id)?;
    let AppContextChangeRequest { allowed_models, provider_key, detectors, limits } = request;
    let lists = allowed_models.is_some() || detectors.is_some();
    if !lists && provider_key.is_none() && limits.is_empty() {
        return Err(InvalidRequest::NothingToChange.into());
    }
    check_patterns(allowed_models.as_deref().unwrap_or_default())?;
    check_selectors(detectors.as_deref().unwrap_or_default())?;
    if let Some(Some(name)) = &provider_key {
        names.check_provider_key(name)?;
    }
    let limits = (!limits.is_empty()).then(|| limits.apply_to(context.limits));
    let change = AppContextChange { allowed_models, provider_key, detectors, limits };
    Ok(store.update_app_context(&context.id, change, actor, now)?)
}

/// Revokes an AppContext for good, and with it all its keys.
pub fn revoke_app_context(
    store: &Store,
    name_or_id: &str,
    actor: &str,
    now: UnixMillis,
) -> Result<AppContextRow, AdminError> {
    let context = find_app_context(store, name_or_id)?;
    store.revoke_app_context(&context.id, actor, now)?;
    find_app_context(store, &context.id)
}

fn check_patterns(patterns: &[String]) -> Result<(), AdminError> {
    for pattern in patterns {
        Pattern::parse(pattern)
            .map_err(|error| InvalidRequest::Pattern { pattern: pattern.clone(), error })?;
    }
    Ok(())
}

/// Whether there is such a rule cannot be said here: the rules may change at any time.
fn check_selectors(selectors: &[String]) -> Result<(), AdminError> {
    for selector in selectors {
        Selector::parse(selector)
            .map_err(|error| InvalidRequest::Selector { selector: selector.clone(), error })?;
    }
    Ok(())
}

/// Tells a member that is null from one that is absent.
fn present<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Option<String>>, D::Error> {
    Option::deserialize(deserializer).map(Some)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::admin::testing::store;

    const NOW: UnixMillis = UnixMillis(1_795_233_600_123);

    fn named(name: &str) -> NewAppContextRequest {
        NewAppContextRequest { name: name.to_owned(), ..NewAppContextRequest::default() }
    }

    fn create(store: &Store, request: NewAppContextRequest) -> Result<AppContextRow, AdminError> {
        create_app_context(store, &ConfiguredNames::default(), request, "cli", NOW)
    }

    #[test]
    fn what_cannot_mean_what_it_says_is_refused_with_its_place() {
        let (_data, store) = store();
        let patterns = vec!["gpt-4o*".to_owned(), "gpt-[45]".to_owned()];
        let detectors = vec!["type:PII_*".to_owned(), "type:PII[A]".to_owned()];
        let table = [
            (named("Web"), "not 'W'"),
            (named("ac_web"), "the form of an id"),
            (NewAppContextRequest { allowed_models: patterns, ..named("web") }, "character 5"),
            (NewAppContextRequest { detectors, ..named("web") }, "type:PII[A]"),
            (
                NewAppContextRequest { provider_key: Some("team_a".to_owned()), ..named("web") },
                "[provider_keys.team_a]",
            ),
        ];
        for (request, reason) in table {
            let error = create(&store, request).unwrap_err().to_string();
            assert!(error.contains(reason), "{error}");
        }
        assert!(store.app_contexts().unwrap().is_empty());
    }

    #[test]
    fn a_change_says_what_changes_and_null_is_not_absent() {
        let (_data, store) = store();
        let created = create(&store, named("web")).unwrap();
        let change = |text: &str| {
            let request: AppContextChangeRequest = serde_json::from_str(text).unwrap();
            change_app_context(&store, &ConfiguredNames::default(), "web", request, "cli", NOW)
        };
        assert!(matches!(
            change("{}").unwrap_err(),
            AdminError::Invalid(InvalidRequest::NothingToChange)
        ));
        let limited = change(r#"{"limits": {"monthly_requests": 5}}"#).unwrap();
        assert_eq!(limited.limits.monthly_requests, Some(5));
        let listed = change(r#"{"provider_key": null, "allowed_models": ["gpt-4o"]}"#).unwrap();
        assert_eq!((listed.allowed_models, listed.limits), (vec!["gpt-4o".into()], limited.limits));
        assert!(change(r#"{"provider_key": "team_a"}"#).is_err());

        let screened =
            change(r#"{"detectors": ["type:PII_*", "class:PHI", "openai-key"]}"#).unwrap();
        assert_eq!(screened.detectors.len(), 3);
        assert!(change(r#"{"detectors": []}"#).unwrap().detectors.is_empty());

        let revoked = revoke_app_context(&store, &created.id, "cli", NOW).unwrap();
        assert_eq!(revoked.revoked_at, Some(NOW));
        assert!(change(r#"{"allowed_models": []}"#).unwrap_err().to_string().contains("revoked"));
    }
}
