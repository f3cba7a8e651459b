//! Reads one line of `policy.csv`.
//!
//! Owns the forms of the lines. It must never let a line pass that could mean something else than
//! it looks: what is not understood is a problem with its column.

use super::error::{Problem, closest, ordinal};
use super::pattern::Pattern;
use super::roles::RoleGraph;
use crate::identity::check_role_name;
use crate::types::{Permission, text_enum};

text_enum! {
    /// What a rule does when it matches.
    Effect {
        /// Grants, unless another matching rule denies.
        Allow = "allow",
        /// Refuses, whatever else matches.
        Deny = "deny",
    }
}

text_enum! {
    /// What a rule is about.
    RuleKind {
        /// `p`: a role and the models that it may use.
        Model = "p",
        /// `p2`: a role and the permissions that it holds.
        Permission = "p2",
        /// `p3`: a role and the tools that it may not use.
        Tool = "p3",
    }
}

/// A line's meaning.
#[derive(Debug)]
pub(super) enum Statement {
    Rule { kind: RuleKind, role: String, pattern: Pattern, effect: Effect },
    Link { member: String, role: String, role_column: u32 },
}

/// A comma-separated field without the space around it.
#[derive(Clone, Copy, Debug)]
struct Field<'a> {
    text: &'a str,
    column: u32,
}

impl Field<'_> {
    fn problem(&self, reason: impl Into<String>, remedy: impl Into<String>) -> Problem {
        Problem::new(Some(self.column), reason, remedy)
    }
}

/// `None` for an empty line or a comment.
pub(super) fn read_line(line: &str) -> Result<Option<Statement>, Problem> {
    let content = line.trim();
    if content.is_empty() || content.starts_with('#') {
        return Ok(None);
    }
    refuse_strange_characters(line)?;
    let fields = split(line);
    let Some(first) = fields.first() else { return Ok(None) };
    match first.text {
        "p" => {
            let [_, role, object, effect] = exactly(&fields, "p, role, model, allow|deny")?;
            let pattern = read_models(object)?;
            read_rule(RuleKind::Model, role, pattern, effect).map(Some)
        }
        "p2" => {
            let [_, role, object, effect] = exactly(&fields, "p2, role, permission, allow|deny")?;
            let pattern = read_permissions(object)?;
            read_rule(RuleKind::Permission, role, pattern, effect).map(Some)
        }
        "p3" => {
            let [_, role, object, effect] = exactly(&fields, "p3, role, tool, deny")?;
            let pattern = read_pattern(object)?;
            let rule = read_rule(RuleKind::Tool, role, pattern, effect)?;
            refuse_idle(&rule, effect)?;
            Ok(Some(rule))
        }
        "g" => {
            let [_, member, role] = exactly(&fields, "g, agent or role, role")?;
            read_link(member, role).map(Some)
        }
        _ => Err(unknown_kind(first)),
    }
}

fn refuse_strange_characters(line: &str) -> Result<(), Problem> {
    for (index, character) in line.chars().enumerate() {
        let (reason, remedy) = match character {
            '\u{feff}' => (
                "a byte order mark (an invisible character that some editors add)".to_owned(),
                "save the file as UTF-8 without BOM",
            ),
            '"' | '\'' | '`' => (
                "quotes would become part of the name".to_owned(),
                "remove them; fields need no quotes",
            ),
            '#' => (
                "a comment cannot follow a rule on its line".to_owned(),
                "put the comment on a line of its own",
            ),
            _ if is_invisible(character) => (
                format!("an invisible character (U+{:04X})", u32::from(character)),
                "remove it; use plain spaces",
            ),
            _ => continue,
        };
        return Err(Problem::new(Some(ordinal(index)), reason, remedy));
    }
    Ok(())
}

fn is_invisible(character: char) -> bool {
    let plain_space = matches!(character, ' ' | '\t');
    let zero_width_or_direction = matches!(character,
        '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}');
    !plain_space && (character.is_control() || character.is_whitespace() || zero_width_or_direction)
}

fn split(line: &str) -> Vec<Field<'_>> {
    let mut column = 0;
    line.split(',')
        .map(|raw| {
            let indent = raw.chars().take_while(|it| it.is_whitespace()).count();
            let field = Field { text: raw.trim(), column: ordinal(column + indent) };
            column += raw.chars().count() + 1;
            field
        })
        .collect()
}

/// The line's fields, if it has as many as its form and none is empty.
fn exactly<'a, const N: usize>(
    fields: &[Field<'a>],
    form: &str,
) -> Result<[Field<'a>; N], Problem> {
    let remedy = format!("write `{form}`");
    if let Some(last) = fields.last()
        && last.text.is_empty()
        && fields.len() > N
    {
        let comma = last.column.saturating_sub(1);
        return Err(Problem::new(Some(comma), "a trailing comma", "remove it"));
    }
    if let Some(empty) = fields.iter().find(|field| field.text.is_empty()) {
        return Err(empty.problem("an empty field", remedy));
    }
    <[Field<'a>; N]>::try_from(fields).map_err(|_unfit| {
        let split_group = fields.iter().find(|it| it.text.contains('(') && !it.text.contains(')'));
        if let Some(field) = split_group {
            return field.problem("a comma inside of a group", "separate alternatives with `|`");
        }
        let surplus = fields.get(N).or(fields.last());
        let reason = format!("{} fields where {N} belong", fields.len());
        Problem::new(surplus.map(|field| field.column), reason, remedy)
    })
}

fn read_rule(
    kind: RuleKind,
    role: Field<'_>,
    pattern: Pattern,
    effect: Field<'_>,
) -> Result<Statement, Problem> {
    let role = read_role(role)?;
    let effect = read_effect(effect)?;
    Ok(Statement::Rule { kind, role, pattern, effect })
}

/// Tools need no line that allows them, so one that does would only seem to do something.
fn refuse_idle(rule: &Statement, effect: Field<'_>) -> Result<(), Problem> {
    match rule {
        Statement::Rule { effect: Effect::Allow, .. } => Err(effect.problem(
            "tools are allowed unless a line denies them, so this line would do nothing",
            "remove it; to allow only some tools, write `p3, role, !(one|other), deny`",
        )),
        _ => Ok(()),
    }
}

fn read_role(field: Field<'_>) -> Result<String, Problem> {
    let name = field.text.strip_prefix(RoleGraph::TYPE_PREFIX).unwrap_or(field.text);
    if check_role_name(name).is_ok() {
        return Ok(field.text.to_owned());
    }
    let quoted = field.text;
    if name.contains(['*', '?', '(', ')', '|', '!']) {
        return Err(field.problem(
            format!("`{quoted}` is a pattern where a role's name belongs"),
            "write one line per role, or give several agents one role with `g` lines",
        ));
    }
    let lower = field.text.to_lowercase();
    let remedy =
        if check_role_name(lower.strip_prefix(RoleGraph::TYPE_PREFIX).unwrap_or(&lower)).is_ok() {
            format!("did you mean `{lower}`?")
        } else {
            "use a-z, 0-9, `.`, `_` and `-`, at most 63, the first a letter or digit".to_owned()
        };
    Err(field.problem(format!("`{quoted}` is not a role's name"), remedy))
}

fn read_pattern(field: Field<'_>) -> Result<Pattern, Problem> {
    Pattern::parse(field.text).map_err(|error| {
        let column = field.column.saturating_add(ordinal(error.offset) - 1);
        Problem::new(Some(column), error.reason, error.remedy)
    })
}

fn read_models(field: Field<'_>) -> Result<Pattern, Problem> {
    if Permission::parse(field.text).is_some() {
        let reason = format!("`{}` is a permission, and `p` lines name models", field.text);
        return Err(field.problem(reason, "did you mean `p2`?"));
    }
    read_pattern(field)
}

fn read_permissions(field: Field<'_>) -> Result<Pattern, Problem> {
    let pattern = read_pattern(field)?;
    if Permission::ALL.iter().any(|it| pattern.matches(it.as_str())) {
        return Ok(pattern);
    }
    let remedy = match closest(field.text, Permission::ALL.iter().map(|it| it.as_str())) {
        Some(permission) => format!("did you mean `{permission}`?"),
        None => "use `web:read`, `web:write` or `web:*`; for a model, did you mean `p`?".to_owned(),
    };
    Err(field.problem(format!("`{}` is no permission", field.text), remedy))
}

fn read_effect(field: Field<'_>) -> Result<Effect, Problem> {
    if let Some(effect) = Effect::parse(field.text) {
        return Ok(effect);
    }
    let quoted = field.text;
    for effect in Effect::ALL {
        if let Some(stray) = quoted.strip_prefix(effect.as_str()) {
            let reason = format!("stray text `{}` after `{effect}`", stray.trim());
            return Err(field.problem(reason, "remove it"));
        }
    }
    let remedy = match closest(quoted, Effect::ALL.iter().map(|it| it.as_str())) {
        Some(effect) => format!("did you mean `{effect}`?"),
        None => "write `allow` or `deny`".to_owned(),
    };
    Err(field.problem(format!("`{quoted}` is no effect"), remedy))
}

fn read_link(member: Field<'_>, role: Field<'_>) -> Result<Statement, Problem> {
    let member = read_role(member)?;
    if role.text.starts_with(RoleGraph::TYPE_PREFIX) {
        return Err(role.problem(
            "an agent's type cannot be given to it by a `g` line",
            "set the type of the agent itself, or give a role",
        ));
    }
    let role_column = role.column;
    Ok(Statement::Link { member, role: read_role(role)?, role_column })
}

fn unknown_kind(field: &Field<'_>) -> Problem {
    let kind = field.text;
    let meant = match kind.to_lowercase().as_str() {
        "p" | "p1" | "policy" => Some("p"),
        "p2" => Some("p2"),
        "p3" | "tool" => Some("p3"),
        "g" | "g2" | "role" => Some("g"),
        _ => None,
    };
    let remedy = match meant {
        Some(meant) => format!("did you mean `{meant}`?"),
        None => {
            "lines begin with `p` (models), `p2` (permissions), `p3` (tools), `g` (roles) or `#`"
                .to_owned()
        }
    };
    field.problem(format!("`{kind}` is no kind of line"), remedy)
}
