//! Changing the file of rules: the whole is built and tried before it is written, and a change that started from
//! another text is refused.
//!
//! Owns the order of these, and what is written down of a change.

use super::error::{DetectionsError, FieldError};
use crate::admin::agents::check_reason;
use crate::admin::{InvalidRequest, SourceFileError, find_app_context, replace_written_down};
use crate::detect::{
    AmendError, Detections, NewAction, NewRule, Scope, add_rule, is_shipped, remove_rule,
    set_action, version_of,
};
use crate::policy::SourceFile;
use crate::store::Store;
use crate::types::{Action, Lifecycle, UnixMillis};
use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, de::Error as _};
use serde_json::{Map, Value, json};
use std::path::Path;

/// Where the rules are kept, who changes them, and when.
#[derive(Clone, Copy)]
pub struct Workshop<'a> {
    /// The file.
    pub path: &'a Path,
    /// For the list of changes.
    pub store: &'a Store,
    /// Who.
    pub actor: &'a str,
    /// When.
    pub now: UnixMillis,
}

/// What a rule is to do, for everyone or in one AppContext.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RuleChangeRequest {
    /// Whether it does anything: `false` is the action `allow`, `true` what it did before it was switched off.
    pub enabled: Option<bool>,
    /// What it does.
    pub action: Option<Action>,
    /// Takes back what was changed for this rule alone, so that it does again what the rest of the file says.
    #[serde(default)]
    pub reset: bool,
    /// Only in this AppContext, by name or id.
    pub app_context: Option<String>,
    /// Only in this direction.
    pub lifecycle: Option<Lifecycle>,
    /// The version of the rules that the change starts from; without it, whatever is in the file.
    pub base_version: Option<String>,
    /// Why.
    pub reason: String,
}

/// A new rule, the version that it is added to, and why.
#[derive(Clone, Debug, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct RuleRequest {
    /// The rule.
    #[schemars(flatten)]
    pub rule: NewRule,
    /// The version of the rules that the change starts from; without it, whatever is in the file.
    pub base_version: Option<String>,
    /// Why.
    pub reason: String,
}

impl<'de> Deserialize<'de> for RuleRequest {
    /// Flattened by hand: that way, a field that is not known is refused.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut fields = Map::deserialize(deserializer)?;
        let mut text = |name: &str| match fields.remove(name) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(_) => Err(D::Error::custom(format!("{name} must be a text"))),
        };
        let (base_version, reason) = (text("base_version")?, text("reason")?);
        let reason = reason.ok_or_else(|| D::Error::missing_field("reason"))?;
        let rule = NewRule::deserialize(Value::Object(fields)).map_err(D::Error::custom)?;
        Ok(Self { rule, base_version, reason })
    }
}

impl RuleChangeRequest {
    fn to(&self) -> Result<NewAction, InvalidRequest> {
        match (self.reset, self.enabled, self.action) {
            (true, None, None) => Ok(NewAction::Reset),
            (false, Some(false), None | Some(Action::Allow)) => Ok(NewAction::Do(Action::Allow)),
            (false, Some(true), None) => Ok(NewAction::Enable),
            (false, None, Some(action)) => Ok(NewAction::Do(action)),
            (false, Some(true), Some(action)) if action != Action::Allow => {
                Ok(NewAction::Do(action))
            }
            (false, None, None) => Err(InvalidRequest::NothingToChange),
            _ => Err(InvalidRequest::RuleChange),
        }
    }
}

/// Changes what a rule does; the version that results.
pub fn change_rule(
    workshop: Workshop<'_>,
    id: &str,
    request: &RuleChangeRequest,
) -> Result<String, DetectionsError> {
    let to = request.to()?;
    let named = request.app_context.as_deref();
    let app_context = named.map(|named| find_app_context(workshop.store, named)).transpose()?;
    let app_context = app_context.as_ref().map(|context| context.id.as_str());
    let scope = Scope { rule: id, app_context, lifecycle: request.lifecycle };
    let file = workshop.open(request.base_version.as_deref(), &request.reason)?;
    let draft = set_action(&file, scope, to)?;
    let done = match to {
        NewAction::Do(action) => action.as_str(),
        NewAction::Enable => "enable",
        NewAction::Reset => "reset",
    };
    let what =
        json!({ "action": done, "app_context": app_context, "lifecycle": request.lifecycle });
    build(&draft, file.text.len(), false)?;
    workshop.save(id, &file, &draft, &request.reason, what)
}

/// Adds a rule; the version that results.
pub fn add_own_rule(
    workshop: Workshop<'_>,
    request: &RuleRequest,
) -> Result<String, DetectionsError> {
    let file = workshop.open(request.base_version.as_deref(), &request.reason)?;
    let draft = add_rule(&file, &request.rule)?;
    build(&draft, file.text.len(), true)?;
    let what = json!({ "added": request.rule.id, "type": request.rule.kind });
    workshop.save(&request.rule.id, &file, &draft, &request.reason, what)
}

/// Removes a rule of the administrator's own; the version that results.
pub fn remove_own_rule(
    workshop: Workshop<'_>,
    id: &str,
    base_version: Option<&str>,
    reason: &str,
) -> Result<String, DetectionsError> {
    if is_shipped(id) {
        return Err(DetectionsError::Shipped(id.to_owned()));
    }
    let file = workshop.open(base_version, reason)?;
    let draft = remove_rule(&file, id)?;
    build(&draft, file.text.len(), false)?;
    workshop.save(id, &file, &draft, reason, json!({ "removed": id }))
}

impl Workshop<'_> {
    /// The file as it is, if it is what the change started from.
    fn open(
        &self,
        base_version: Option<&str>,
        reason: &str,
    ) -> Result<SourceFile, DetectionsError> {
        check_reason(reason)?;
        let name = self.path.display().to_string();
        let text = std::fs::read_to_string(self.path)
            .map_err(|error| SourceFileError::Io { path: name.clone(), error })?;
        let file = SourceFile::new(name, text);
        let current = version_of(&file).to_string();
        if base_version.is_some_and(|base| base != current) {
            return Err(DetectionsError::Changed { current });
        }
        Ok(file)
    }

    /// Writes the file and what was changed, both or neither.
    fn save(
        &self,
        id: &str,
        file: &SourceFile,
        draft: &SourceFile,
        reason: &str,
        mut what: Value,
    ) -> Result<String, DetectionsError> {
        let version = version_of(draft).to_string();
        if let Some(what) = what.as_object_mut() {
            what.retain(|_, value| !value.is_null());
            what.insert("reason".to_owned(), json!(reason));
            what.insert("version".to_owned(), json!(version));
        }
        let written = replace_written_down(self.path, &file.text, &draft.text, |replace| {
            let version = (version.as_str(), id);
            self.store.save_detections_version(version, self.actor, self.now, what, replace)
        });
        match written {
            Ok(Ok(())) => Ok(version),
            Ok(Err(SourceFileError::Changed)) => {
                let now = std::fs::read_to_string(self.path).unwrap_or_default();
                let now = SourceFile::new(file.name.as_str(), now);
                Err(DetectionsError::Changed { current: version_of(&now).to_string() })
            }
            Ok(Err(error)) => Err(error.into()),
            Err(error) => Err(error.into()),
        }
    }
}

/// Compiles the whole and tries every rule on its examples. `is_new`: what stands behind the first `before` bytes is
/// a new rule.
fn build(draft: &SourceFile, before: usize, is_new: bool) -> Result<(), DetectionsError> {
    let Err(errors) = Detections::parse(draft, None) else { return Ok(()) };
    let kept = if is_new { before } else { draft.text.len() };
    let lines = draft.text.get(..kept).unwrap_or_default().lines().count();
    Err(DetectionsError::Invalid(FieldError::of_new_rule(errors, draft, lines + 1)))
}

impl DetectionsError {
    /// Whether the rule that was asked for is not there.
    pub const fn is_missing(&self) -> bool {
        matches!(self, Self::Amend(AmendError::NoSuchRule(_)))
    }
}
