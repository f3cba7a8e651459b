//! Reads `model.conf`, the form in which Casbin reads rules.
//!
//! Owns what of it may be changed: the matcher, as long as it asks both of our functions. It must
//! never hand Casbin a text that makes it panic, or one that ignores a part of a rule.

use super::error::{PolicyError, Problem, SourceFile, closest, ordinal};

/// Casbin's script engine descends into every operator. Some hundred of them overflow the stack,
/// which ends the process and cannot be caught.
const MAX_MATCHER_SIGNS: usize = 64;

const EFFECT: &str = "some(where (p.eft == allow)) && !some(where (p.eft == deny))";

/// What `[matchers]` must ask, in any spacing.
const QUESTIONS: [&str; 2] = ["g(r.sub, p.sub)", "glob(r.obj, p.obj)"];

/// Section, key, and the value that it must have; the matcher is free within limits.
const DEFINITIONS: [(&str, &str, Option<&str>); 5] = [
    ("request_definition", "r", Some("sub, obj")),
    ("policy_definition", "p", Some("sub, obj, eft")),
    ("role_definition", "g", Some("_, _")),
    ("policy_effect", "e", Some(EFFECT)),
    ("matchers", "m", None),
];

/// A matcher that was found fit to be compiled.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Model {
    pub(super) matcher: String,
    matcher_line: u32,
}

impl Model {
    /// The definitions in Casbin's own short names.
    pub(super) fn definitions(&self) -> [(&'static str, &str); 4] {
        [("r", "sub, obj"), ("p", "sub, obj, eft"), ("e", EFFECT), ("m", &self.matcher)]
    }

    /// Whether a rule matches by role and pattern alone, in this way: whatever else is asked is asked of the call, so that
    /// of two rules whose roles and patterns fit, either both match or none. An `||` may leave the two questions out.
    pub(super) fn is_plain(&self) -> bool {
        let matcher = compact(&self.matcher);
        let [role, pattern] = QUESTIONS.map(compact);
        let ways = [format!("{role}&&{pattern}"), format!("{pattern}&&{role}")];
        let rest = ways.iter().find_map(|way| matcher.strip_prefix(way.as_str()));
        rest.is_some_and(|rest| {
            let is_condition = rest.is_empty() || rest.starts_with("&&");
            let may_differ = ["p.", "p_", "||"].iter().any(|it| rest.contains(it));
            is_condition && !may_differ
        })
    }

    /// The texts that the matcher holds: it may ask for them as roles.
    pub(super) fn texts(&self) -> impl Iterator<Item = &str> {
        self.matcher.split('"').skip(1).step_by(2)
    }

    /// An error about the matcher.
    pub(super) fn refuse(&self, file: &SourceFile, reason: String) -> PolicyError {
        let remedy = format!("go back to `m = {}`", QUESTIONS.join(" && "));
        Problem::new(None, reason, remedy).at(file, Some(self.matcher_line))
    }

    pub(super) fn read(file: &SourceFile) -> Result<Self, PolicyError> {
        let mut section = "";
        let mut found: Vec<(&str, u32)> = Vec::new();
        let mut matcher = None;
        for (index, line) in file.text.lines().enumerate() {
            let number = ordinal(index);
            let refuse = |problem: Problem| problem.at(file, Some(number));
            let content = line.trim();
            if content.is_empty() || content.starts_with(['#', ';']) {
                continue;
            }
            if let Some(name) = content.strip_prefix('[').and_then(|it| it.strip_suffix(']')) {
                section = known_section(name).map_err(refuse)?;
                continue;
            }
            let (key, value) = read_definition(section, content).map_err(refuse)?;
            if let Some((_, earlier)) = found.iter().find(|(it, _)| *it == key) {
                let reason = format!("`{key}` already stands in line {earlier}");
                return Err(refuse(Problem::new(None, reason, "remove one of them")));
            }
            found.push((key, number));
            if key == "m" {
                matcher = Some(Self { matcher: value, matcher_line: number });
            }
        }
        let absent = DEFINITIONS.iter().find(|(_, key, _)| found.iter().all(|(it, _)| it != key));
        if let Some((section, key, value)) = absent {
            let value = value.map_or_else(|| QUESTIONS.join(" && "), str::to_owned);
            let remedy = format!("add `{key} = {value}` below `[{section}]`");
            let reason = format!("`{key}` is missing");
            return Err(Problem::new(None, reason, remedy).at(file, None));
        }
        matcher.ok_or_else(|| {
            Problem::new(None, "`m` is missing", "add it below `[matchers]`").at(file, None)
        })
    }
}

fn known_section(name: &str) -> Result<&'static str, Problem> {
    let sections = || DEFINITIONS.iter().map(|(section, _, _)| *section);
    if let Some(section) = sections().find(|section| *section == name) {
        return Ok(section);
    }
    let remedy = match closest(name, sections()) {
        Some(section) => format!("did you mean `[{section}]`?"),
        None => format!("the sections are {}", sections().collect::<Vec<_>>().join(", ")),
    };
    Err(Problem::new(None, format!("`[{name}]` is no section"), remedy))
}

fn read_definition(section: &str, content: &str) -> Result<(&'static str, String), Problem> {
    // Casbin cuts values at `#` too, and a comment is welcome here.
    let content = content.split('#').next().unwrap_or(content).trim_end();
    if content.ends_with('\\') {
        return Err(Problem::new(None, "a value over several lines", "write it on one line"));
    }
    let Some((key, value)) = content.split_once('=') else {
        let reason = "neither a comment, a `[section]` nor `key = value`";
        return Err(Problem::new(None, reason, "begin comments with `#`"));
    };
    let (key, value) = (key.trim(), value.trim());
    let Some((_, known, expected)) =
        DEFINITIONS.iter().find(|(place, name, _)| *place == section && *name == key)
    else {
        let reason = format!("`{key}` has no meaning below `[{section}]`");
        return Err(Problem::new(None, reason, "compare with the model.conf that is shipped"));
    };
    match expected {
        Some(expected) if compact(value) != compact(expected) => {
            let reason = format!("`{known}` cannot be `{value}`: rules would lose their meaning");
            Err(Problem::new(None, reason, format!("write `{known} = {expected}`")))
        }
        Some(_) => Ok((known, value.to_owned())),
        None => check_matcher(value).map(|()| (*known, value.to_owned())),
    }
}

fn check_matcher(matcher: &str) -> Result<(), Problem> {
    for question in QUESTIONS {
        if !compact(matcher).contains(&compact(question)) {
            let reason = format!("the matcher does not ask `{question}`");
            let remedy = format!("write `m = {}`", QUESTIONS.join(" && "));
            return Err(Problem::new(None, reason, remedy));
        }
    }
    // Quotes cut the text into code and strings, in turns; there are no escapes.
    let code: String = matcher.split('"').step_by(2).collect();
    let is_word = |it: char| it.is_ascii_alphanumeric() || it.is_whitespace() || "_.,".contains(it);
    let signs = || code.chars().filter(|it| !is_word(*it));
    let stranger = signs().find(|it| !"&|!()=".contains(*it));
    if let Some(stranger) = stranger.or(matcher.contains('\\').then_some('\\')) {
        let reason = format!("the matcher cannot hold `{stranger}`");
        return Err(Problem::new(None, reason, "use `&&`, `||`, `!`, `==`, g() and glob()"));
    }
    let asked = compact(&code).replace("glob(r.obj,", "").replace("g(r.sub,", "");
    if asked.contains("r.") || asked.contains("r_") {
        // To the script they are not strings: a comparison would be false without a word.
        let reason = "the matcher uses `r.sub` or `r.obj` outside of g() and glob()";
        return Err(Problem::new(None, reason, "ask `g(r.sub, …)` and `glob(r.obj, …)`"));
    }
    if signs().count() > MAX_MATCHER_SIGNS {
        let reason = format!("the matcher has more than {MAX_MATCHER_SIGNS} signs");
        return Err(Problem::new(None, reason, "say it in rules"));
    }
    Ok(())
}

fn compact(text: &str) -> String {
    text.chars().filter(|it| !it.is_whitespace()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHIPPED: &str = include_str!("../../model.conf");

    fn refusal(text: &str) -> String {
        Model::read(&SourceFile::new("model.conf", text)).unwrap_err().to_string()
    }

    #[test]
    fn the_shipped_model_is_read_with_any_line_ends_and_spacing() {
        let spaced = SHIPPED.replace("== allow", "==allow").replace('\n', "\r\n");
        for text in [SHIPPED, &spaced] {
            let model = Model::read(&SourceFile::new("model.conf", text)).unwrap();
            assert_eq!(model.matcher, "g(r.sub, p.sub) && glob(r.obj, p.obj)");
        }
    }

    #[test]
    fn a_matcher_that_may_leave_the_two_questions_out_is_not_plain() {
        for (more, expected) in [
            ("", true),
            (" && x()", true),
            (" && x() || y()", false),
            (" || x()", false),
            (" && p.sub == x", false),
        ] {
            let matcher = format!("glob(r.obj, p.obj) && g(r.sub, p.sub){more}");
            assert_eq!(Model { matcher, matcher_line: 1 }.is_plain(), expected, "{more}");
        }
    }

    #[test]
    fn a_model_that_casbin_would_misread_is_refused_with_its_line() {
        let effect_line =
            SHIPPED.lines().position(|line| line.starts_with("e =")).unwrap_or_default() + 1;
        let allow_only = SHIPPED.replace(" && !some(where (p.eft == deny))", "");
        assert!(refusal(&allow_only).starts_with(&format!("model.conf:{effect_line}: `e` cannot")));
        for (from, to, expected) in [
            ("[matchers]", "[matcher]", "did you mean `[matchers]`?"),
            ("r = sub, obj", "r = sub, obj, act", "write `r = sub, obj`"),
            ("m = g(r.sub, p.sub) && ", "m = ", "does not ask `g(r.sub, p.sub)`"),
            ("glob(r.obj, p.obj)", "keyMatch(r.obj, p.obj)", "does not ask `glob(r.obj, p.obj)`"),
            ("g = _, _", "g = _, _\ng2 = _, _", "`g2` has no meaning"),
            ("g = _, _", "", "`g` is missing"),
            ("g = _, _", "g = _, _\ng = _, _", "already stands in line"),
            ("m = g", "m = \\\ng", "on one line"),
            ("r = sub, obj", "sub, obj", "neither a comment"),
        ] {
            let text = SHIPPED.replace(from, to);
            assert_ne!(text, SHIPPED, "{from}");
            assert!(refusal(&text).contains(expected), "{to}: {}", refusal(&text));
        }
        assert!(refusal("").contains("`r` is missing"));
    }
}
