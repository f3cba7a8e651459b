//! The command line: one file per group of commands.
//!
//! Owns arguments, output and exit codes (0 done, 1 refused or failed, 2 wrong usage). What a command
//! does is `admin`'s or `app`'s. It must never print a stored secret.

mod agent;
mod app_context;
mod audit;
mod config;
mod demo;
mod detections;
mod error;
mod key;
mod limits;
mod output;
mod policy;
mod private_file;
mod serve;
mod signing_keys;
mod token;
mod user;

use crate::config::{Config, Loaded};
use clap::{Parser, Subcommand};
use error::CliError;
use output::Output;
use std::{io::Write, path::PathBuf, process::ExitCode};

/// The actor of changes made on the command line.
const ACTOR: &str = crate::types::actor::CLI;

/// Where `--help` lists what every command takes.
const GLOBAL: &str = "Global options";

/// The gate between AI agents and LLM APIs.
#[derive(Debug, Parser)]
#[command(name = "portcullis", version, max_term_width = 100)]
#[command(
    after_help = "Start here: `portcullis demo` serves with a sandbox instead of a provider, \
    makes two calls and shows how to go on.\nWithout a command, `portcullis` serves."
)]
struct Arguments {
    /// Configuration file [default: portcullis.toml, if it exists]
    #[arg(long, global = true, value_name = "FILE", help_heading = GLOBAL)]
    config: Option<PathBuf>,
    /// Directory of databases and keys [default: ./data]
    #[arg(long, global = true, value_name = "DIR", help_heading = GLOBAL)]
    data_dir: Option<PathBuf>,
    /// Print one JSON object on standard output (all commands but serve and demo)
    #[arg(long, global = true, help_heading = GLOBAL)]
    json: bool,
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Serve until SIGTERM
    Serve(serve::Serve),
    /// Serve with the sandbox, and show one allowed and one denied call
    #[command(after_help = "Example: portcullis demo --bind 127.0.0.1:8080")]
    Demo(serve::Bind),
    /// Create and manage agents
    #[command(
        subcommand,
        after_help = "Example: portcullis agent create research-bot --role developer"
    )]
    Agent(agent::AgentCommand),
    /// Create and manage AppContexts, to which detection keys belong
    #[command(
        subcommand,
        after_help = "Example: portcullis app-context create support-desk --allow-model 'gpt-4o*'"
    )]
    AppContext(app_context::AppContextCommand),
    /// Make and manage detection keys
    #[command(
        subcommand,
        after_help = "Example: portcullis key create --app-context support-desk --agent research-bot"
    )]
    Key(key::KeyCommand),
    /// List and rotate the gateways' own signing keys
    #[command(subcommand, after_help = "Example: portcullis keys rotate")]
    Keys(signing_keys::KeysCommand),
    /// Create and manage the dashboard's users
    #[command(subcommand, after_help = "Example: portcullis user create ann --role analyst")]
    User(user::UserCommand),
    /// Fetch a token for an agent from a running server
    Token(token::Token),
    /// Check, explain, try and change the policy, and go back to what it was
    #[command(
        subcommand,
        after_help = "Example: portcullis policy what-if draft.csv && \
        portcullis policy save draft.csv --reason 'gpt-5 for research'"
    )]
    Policy(policy::PolicyCommand),
    /// Check, list and try the rules of detection
    #[command(subcommand)]
    Detections(detections::DetectionsCommand),
    /// Read the record
    #[command(
        subcommand,
        after_help = "Example: portcullis audit tail --lines 20 --outcome denied --follow"
    )]
    Audit(audit::AuditCommand),
    /// Show the effective configuration and where each value comes from
    #[command(after_help = "Example: PORTCULLIS_SERVER__BIND=0.0.0.0:8000 portcullis config")]
    Config,
    /// Print the OpenAPI document of the administrators' API
    #[command(after_help = "Example: portcullis openapi > openapi.json")]
    Openapi,
    /// Bring the database up to this version
    #[command(after_help = "Example: DATABASE_URL=postgres://… portcullis migrate")]
    Migrate,
}

/// Runs the program.
pub fn run() -> ExitCode {
    // Databases, keys and credentials are their owner's alone.
    rustix::process::umask(rustix::fs::Mode::from_raw_mode(0o077));
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => {
            let is_help = !error.use_stderr();
            // A closed terminal is no reason to fail.
            let _ = error.print();
            return ExitCode::from(if is_help { 0 } else { 2 });
        }
    };
    match execute(arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(CliError::OutputClosed) => ExitCode::SUCCESS,
        Err(error) => {
            // Nobody is left to tell when standard error is closed.
            let _ = writeln!(std::io::stderr(), "portcullis: {error}");
            ExitCode::FAILURE
        }
    }
}

fn execute(arguments: Arguments) -> Result<(), CliError> {
    let mut output = Output::new(arguments.json);
    let context = Context { file: arguments.config, data_dir: arguments.data_dir };
    match arguments.command.unwrap_or_else(|| Command::Serve(serve::Serve::default())) {
        Command::Serve(serve) => serve::serve(&context, &serve, &mut output),
        Command::Demo(bind) => demo::demo(&context, &bind, &mut output),
        Command::Agent(command) => agent::run(&context, command, &mut output),
        Command::AppContext(command) => app_context::run(&context, command, &mut output),
        Command::Key(command) => key::run(&context, command, &mut output),
        Command::Keys(command) => signing_keys::run(&context, command, &mut output),
        Command::User(command) => user::run(&context, command, &mut output),
        Command::Token(token) => token::run(&context, token, &mut output),
        Command::Policy(command) => policy::run(&context, command, &mut output),
        Command::Detections(command) => detections::run(&context, command, &mut output),
        Command::Audit(command) => audit::run(&context, command, &mut output),
        Command::Config => config::run(&context, &mut output),
        Command::Openapi => output.line(crate::http::openapi()),
        Command::Migrate => config::migrate(&context, &mut output),
    }
}

/// What every command needs to find the configuration.
struct Context {
    file: Option<PathBuf>,
    data_dir: Option<PathBuf>,
}

impl Context {
    fn load(&self) -> Result<Config, CliError> {
        Ok(self.load_with(&[])?.config)
    }

    /// Loads the configuration; warnings go to standard error.
    fn load_with(&self, flags: &[(&str, String)]) -> Result<Loaded, CliError> {
        let mut overrides: Vec<(String, String)> =
            flags.iter().map(|(key, value)| ((*key).to_owned(), value.clone())).collect();
        if let Some(data_dir) = &self.data_dir {
            overrides.push(("data_dir".to_owned(), data_dir.display().to_string()));
        }
        let loaded = Config::load(self.file.as_deref(), &overrides)?;
        for warning in &loaded.warnings {
            writeln!(std::io::stderr(), "portcullis: warning: {warning}")?;
        }
        Ok(loaded)
    }
}
