//! `portcullis config` and `portcullis migrate`.

use super::{CliError, Context, Output};
use crate::app::open_store;
use serde_json::{Map, json};

pub(super) fn run(context: &Context, output: &mut Output) -> Result<(), CliError> {
    let loaded = context.load_with(&[])?;
    if output.is_json() {
        let values: Map<_, _> = loaded
            .values
            .iter()
            .map(|value| {
                (value.key.to_owned(), json!({ "value": value.shown, "source": value.source }))
            })
            .collect();
        return output.object(&values);
    }
    let key = loaded.values.iter().map(|value| value.key.len()).max().unwrap_or(0);
    let shown = loaded.values.iter().map(|value| value.shown.len()).max().unwrap_or(0);
    for value in &loaded.values {
        output.line(format!("{:key$}  {:shown$}  {}", value.key, value.shown, value.source))?;
    }
    Ok(())
}

pub(super) fn migrate(context: &Context, output: &mut Output) -> Result<(), CliError> {
    let store = open_store(&context.load()?)?;
    if output.is_json() {
        return output.object(&json!({ "backend": store.backend(), "migrated": true }));
    }
    output.line(format!("The {} database is at this version.", store.backend()))
}
