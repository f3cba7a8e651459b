//! `portcullis user …`: who may sign in to the dashboard.

use super::{ACTOR, CliError, Context, Output, private_file::PrivateFile};
use crate::admin::{self, ListedUser, NewUserRequest, UserChangeRequest, shown};
use crate::app::{open_existing_store, open_store};
use crate::config::Admin;
use crate::store::Store;
use crate::types::{Role, Sensitive, UnixMillis};
use clap::{Args, Subcommand};
use serde_json::json;
use std::{
    io::{BufRead, Read},
    path::PathBuf,
};

/// A line of standard input that is longer is no password.
const PASSWORD_BYTES: u64 = 4_096;

#[derive(Debug, Subcommand)]
pub(super) enum UserCommand {
    /// Add a user; a generated password is shown this once
    Create(Create),
    /// List all users
    #[command(after_help = "Example: portcullis user list --json")]
    List,
    /// Show one user
    #[command(after_help = "Example: portcullis user show ann")]
    Show(Which),
    /// Change what a user may do; the user's sessions end
    SetRole(SetRole),
    /// Keep a user from signing in; the user's sessions end
    #[command(after_help = "Example: portcullis user disable ann")]
    Disable(Which),
    /// Let a disabled user sign in again
    #[command(after_help = "Example: portcullis user enable ann")]
    Enable(Which),
    /// Make a new password, which is shown this once; the user's sessions end
    #[command(after_help = "Example: portcullis user reset-password ann --out password.json")]
    ResetPassword(Reset),
    /// Remove a user; what the user did stays in the record
    #[command(after_help = "Example: portcullis user delete ann")]
    Delete(Which),
    /// End all sessions of a user
    #[command(after_help = "Example: portcullis user sign-out ann")]
    SignOut(Which),
}

#[derive(Args, Debug)]
#[command(after_help = "Examples:\n  portcullis user create ann --role analyst\n  \
    portcullis user create bob --role admin --password-stdin < password.txt")]
pub(super) struct Create {
    /// Unique name: lower-case letters, digits, '.', '_', '@', '+' and '-'
    username: String,
    /// viewer, analyst, policy_author or admin; each may do what those before it may
    #[arg(long, value_parser = role)]
    role: Role,
    /// Read the password from standard input (one line, at least 12 characters) instead of generating one
    #[arg(long)]
    password_stdin: bool,
    /// Write {"username","password"} to this file, mode 0600, instead of showing the generated password
    #[arg(long, value_name = "FILE", conflicts_with = "password_stdin")]
    out: Option<PathBuf>,
}

#[derive(Args, Debug)]
pub(super) struct Which {
    /// The user's name
    username: String,
}

#[derive(Args, Debug)]
#[command(after_help = "Example: portcullis user set-role ann --role policy_author")]
pub(super) struct SetRole {
    /// The user's name
    username: String,
    /// viewer, analyst, policy_author or admin; each may do what those before it may
    #[arg(long, value_parser = role)]
    role: Role,
}

#[derive(Args, Debug)]
pub(super) struct Reset {
    /// The user's name
    username: String,
    /// Write {"username","password"} to this file, mode 0600, instead of showing the password
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

fn role(text: &str) -> Result<Role, String> {
    let known = || Role::ALL.iter().map(|role| role.as_str()).collect::<Vec<_>>().join(", ");
    Role::parse(text).ok_or_else(|| format!("roles are {}", known()))
}

pub(super) fn run(
    context: &Context,
    command: UserCommand,
    output: &mut Output,
) -> Result<(), CliError> {
    let config = context.load()?;
    let store = match command {
        UserCommand::Create(_) => open_store(&config)?,
        _ => open_existing_store(&config)?,
    };
    let (settings, now) = (&config.admin, crate::clock::now());
    match command {
        UserCommand::Create(new) => create(&store, new, now, output),
        UserCommand::List => list(&admin::list_users(&store, settings, now)?, output),
        UserCommand::Show(which) => {
            show(&admin::find_user(&store, settings, &which.username, now)?, output)
        }
        UserCommand::SetRole(set) => {
            let request = UserChangeRequest { role: Some(set.role), disabled: None };
            change(&store, settings, &set.username, request, output)
        }
        UserCommand::Disable(which) => disable(&store, settings, &which, true, output),
        UserCommand::Enable(which) => disable(&store, settings, &which, false, output),
        UserCommand::ResetPassword(reset) => {
            let file = reset.out.as_deref().map(PrivateFile::open).transpose()?;
            let new = admin::reset_password(&store, settings, &reset.username, ACTOR, now)?;
            hand_over(&reset.username, &new, file, output)
        }
        UserCommand::Delete(which) => {
            admin::delete_user(&store, &which.username, ACTOR, now)?;
            if output.is_json() {
                return output.object(&shown::deleted_user(&which.username));
            }
            output.line(format!("{}: deleted", which.username))
        }
        UserCommand::SignOut(which) => {
            let ended = admin::sign_out_everywhere(&store, &which.username, ACTOR, now)?;
            if output.is_json() {
                return output.object(&shown::EndedSessions { sessions: ended });
            }
            output.line(format!("{}: {ended} sessions ended", which.username))
        }
    }
}

fn create(
    store: &Store,
    new: Create,
    now: UnixMillis,
    output: &mut Output,
) -> Result<(), CliError> {
    let file = new.out.as_deref().map(PrivateFile::open).transpose()?;
    let password = new.password_stdin.then(read_password).transpose()?;
    let request = NewUserRequest { username: new.username, role: new.role, password };
    let (user, generated) = admin::create_user(store, request, ACTOR, now)?;
    match generated {
        Some(password) if file.is_some() => hand_over(&user.user.username, &password, file, output),
        generated if output.is_json() => output.object(&shown::new_user(&user, generated.as_ref())),
        Some(password) => hand_over(&user.user.username, &password, None, output),
        None => show(&user, output),
    }
}

fn read_password() -> Result<Sensitive<String>, CliError> {
    let mut line = String::new();
    std::io::stdin().lock().take(PASSWORD_BYTES).read_line(&mut line)?;
    Ok(Sensitive::new(line.trim_end_matches(['\r', '\n']).to_owned()))
}

fn hand_over(
    username: &str,
    password: &Sensitive<String>,
    file: Option<PrivateFile>,
    output: &mut Output,
) -> Result<(), CliError> {
    let credentials = shown::new_password(username, password);
    if let Some(file) = file {
        let path = file.keep(&credentials)?;
        return if output.is_json() {
            output.object(&json!({ "username": username, "out": path }))
        } else {
            output.line(format!("{username}: the password is in {} (mode 0600)", path.display()))
        };
    }
    if output.is_json() {
        return output.object(&credentials);
    }
    output.line(format!("user      {username}"))?;
    output.line(format!("password  {}  (shown this once)", password.expose()))
}

fn disable(
    store: &Store,
    settings: &Admin,
    which: &Which,
    disabled: bool,
    output: &mut Output,
) -> Result<(), CliError> {
    let request = UserChangeRequest { role: None, disabled: Some(disabled) };
    change(store, settings, &which.username, request, output)
}

fn change(
    store: &Store,
    settings: &Admin,
    username: &str,
    request: UserChangeRequest,
    output: &mut Output,
) -> Result<(), CliError> {
    let now = crate::clock::now();
    show(&admin::change_user(store, settings, username, request, ACTOR, now)?, output)
}

fn list(users: &[ListedUser], output: &mut Output) -> Result<(), CliError> {
    if output.is_json() {
        return output.object(&shown::users(users));
    }
    if users.is_empty() {
        return output.line("No users. The server makes the administrator when it first starts.");
    }
    let width = users.iter().map(|it| it.user.username.len()).max().unwrap_or_default().max(4);
    output.line(format!(
        "{:width$}  {:13}  {:8}  {:8}  {:8}  LAST SIGN-IN",
        "NAME", "ROLE", "SOURCE", "STATE", "SESSIONS"
    ))?;
    for ListedUser { user, sessions } in users {
        output.line(format!(
            "{:width$}  {:13}  {:8}  {:8}  {sessions:<8}  {}",
            user.username,
            user.role.as_str(),
            user.source.as_str(),
            state_of(user.disabled),
            moment(user.last_sign_in_at),
        ))?;
    }
    Ok(())
}

fn show(listed: &ListedUser, output: &mut Output) -> Result<(), CliError> {
    if output.is_json() {
        return output.object(&shown::user(listed));
    }
    let ListedUser { user, sessions } = listed;
    output.line(format!("user          {}", user.username))?;
    output.line(format!("role          {}", user.role))?;
    output.line(format!("source        {}", user.source))?;
    output.line(format!("state         {}", state_of(user.disabled)))?;
    output.line(format!("sessions      {sessions}"))?;
    output.line(format!("last sign-in  {}", moment(user.last_sign_in_at)))?;
    output.line(format!("created       {}", user.created_at))
}

const fn state_of(disabled: bool) -> &'static str {
    if disabled { "disabled" } else { "active" }
}

fn moment(at: Option<UnixMillis>) -> String {
    at.map_or_else(|| "never".to_owned(), |at| at.to_string())
}
