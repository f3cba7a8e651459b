//! `portcullis agent quarantine` and `lift-quarantine`.

use super::super::{ACTOR, CliError, Output};
use super::show;
use crate::admin::{self, LiftRequest, QuarantineRequest};
use crate::config::Config;
use crate::store::Store;
use clap::Args;

#[derive(Args, Debug)]
#[command(
    after_help = "Example: portcullis agent quarantine research-bot --reason 'calls at night'"
)]
pub(in super::super) struct Quarantine {
    /// The agent's name or id
    agent: String,
    /// Why, for those who review it
    #[arg(long, value_name = "TEXT")]
    reason: String,
}

#[derive(Args, Debug)]
#[command(
    after_help = "Example: portcullis agent lift-quarantine research-bot --reason 'a test key' --approve"
)]
pub(in super::super) struct Lift {
    /// The agent's name or id
    agent: String,
    /// What the review found
    #[arg(long, value_name = "TEXT")]
    reason: String,
    /// The agent did nothing wrong: it gets trust (trust.approval)
    #[arg(long)]
    approve: bool,
}

pub(super) fn quarantine(
    config: &Config,
    store: &Store,
    it: Quarantine,
    output: &mut Output,
) -> Result<(), CliError> {
    let Quarantine { agent, reason } = it;
    let (request, now) = (QuarantineRequest { reason }, crate::clock::now());
    let agent = admin::quarantine_agent(store, &config.trust, &agent, &request, ACTOR, now)?;
    show::show(&agent, output)
}

pub(super) fn lift(
    config: &Config,
    store: &Store,
    it: Lift,
    output: &mut Output,
) -> Result<(), CliError> {
    let Lift { agent, reason, approve } = it;
    let (request, now) = (LiftRequest { reason, approve }, crate::clock::now());
    let agent = admin::lift_quarantine(store, &config.trust, &agent, &request, ACTOR, now)?;
    show::show(&agent, output)
}
