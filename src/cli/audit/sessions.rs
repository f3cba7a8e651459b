//! `portcullis audit sessions`.

use super::super::{CliError, Context, Output};
use super::{
    filters::{Range, known_agent},
    or_dash, plain,
};
use crate::app::open_existing_store;
use crate::store::{SessionQuery, SessionSummary, Store};
use clap::Args;
use serde_json::json;

#[derive(Args, Debug)]
#[command(after_help = "Example: portcullis audit sessions --agent research-bot --from 2026-11-22")]
pub(in crate::cli) struct Sessions {
    /// Only this session
    #[arg(conflicts_with_all = ["from", "to", "agent"])]
    id: Option<String>,
    /// How many, the latest first
    #[arg(long, short = 'n', default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=1_000))]
    lines: u32,
    /// Only this agent (name or id)
    #[arg(long)]
    agent: Option<String>,
    #[command(flatten)]
    range: Range,
}

pub(super) fn run(
    context: &Context,
    sessions: Sessions,
    output: &mut Output,
) -> Result<(), CliError> {
    let store = open_existing_store(&context.load()?)?;
    if let Some(id) = &sessions.id {
        let found = store.call_session(id)?;
        let found = found.ok_or_else(|| {
            CliError::Refused(format!(
                "there is no session {id:?}; `portcullis audit sessions` shows them"
            ))
        })?;
        return if output.is_json() { output.object(&found) } else { table(&[found], output) };
    }
    let agent = sessions.agent.map(|agent| known_agent(&store, &agent)).transpose()?;
    let query = SessionQuery {
        from: sessions.range.from.map(|moment| moment.0),
        to: sessions.range.to.map(|moment| moment.0),
        agent,
        limit: sessions.lines,
        after: None,
    };
    let latest = latest(&store, query)?;
    if output.is_json() {
        return output.object(&json!({ "sessions": latest }));
    }
    table(&latest, output)
}

/// So many sessions. A page may be short where few match.
fn latest(store: &Store, mut query: SessionQuery) -> Result<Vec<SessionSummary>, CliError> {
    let lines = query.limit;
    let mut sessions = Vec::new();
    loop {
        let page = store.call_sessions(&query)?;
        sessions.extend(page.sessions);
        query.limit = lines.saturating_sub(u32::try_from(sessions.len()).unwrap_or(u32::MAX));
        query.after = page.next;
        if query.limit == 0 || query.after.is_none() {
            return Ok(sessions);
        }
    }
}

fn table(sessions: &[SessionSummary], output: &mut Output) -> Result<(), CliError> {
    if sessions.is_empty() {
        return output.line("No sessions.");
    }
    output.line(format!(
        "{:36}  {:20}  {:24}  {:>10}  {:>6}  {:>6}  {:>7}  {:>8}  {}",
        "SESSION",
        "AGENT",
        "SINCE",
        "DURATION",
        "CALLS",
        "DENIED",
        "BLOCKED",
        "FINDINGS",
        "TOKENS IN/OUT"
    ))?;
    for session in sessions {
        output.line(format!(
            "{:36}  {:20}  {}  {:>10}  {:>6}  {:>6}  {:>7}  {:>8}  {}/{}",
            plain(&session.session_id),
            or_dash(session.agent_name.as_deref()),
            session.first_at,
            duration(session.duration_ms),
            calls(session),
            session.denied,
            session.blocked,
            session.findings,
            session.input_tokens,
            session.output_tokens,
        ))?;
    }
    Ok(())
}

/// `12`, or `10000+` when only the newest were summed up.
fn calls(session: &SessionSummary) -> String {
    let more = if session.partial { "+" } else { "" };
    format!("{}{more}", session.calls)
}

/// `2h 05m`, `3m 20s`, `1.5 s`
fn duration(millis: i64) -> String {
    let secs = millis / 1_000;
    match secs {
        3_600.. => format!("{}h {:02}m", secs / 3_600, secs % 3_600 / 60),
        60.. => format!("{}m {:02}s", secs / 60, secs % 60),
        _ => format!("{}.{} s", secs, millis % 1_000 / 100),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_duration_is_as_exact_as_it_is_short() {
        for (millis, shown) in [(1_500, "1.5 s"), (200_000, "3m 20s"), (7_500_000, "2h 05m")] {
            assert_eq!(duration(millis), shown);
        }
    }
}
