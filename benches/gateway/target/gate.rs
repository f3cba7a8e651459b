//! Portcullis as its operator would start it: the shipped policy, SQLite, the record
//! on, an agent made on the command line and a token fetched over HTTP.
//!
//! It must not be tuned for the benchmark: only addresses, directories and the number of workers are
//! set.

use super::Target;
use crate::{
    options::Options,
    process::{Process, free_address},
    wire,
};
use serde::Deserialize;
use serde_json::json;
use std::{
    env,
    fs::{self, File},
    io,
    net::SocketAddr,
    path::Path,
    process::{Command, Stdio},
};

/// The name in the tables.
pub(super) const NAME: &str = "portcullis";

#[derive(Deserialize)]
struct Agent {
    client_id: String,
    client_secret: String,
}

#[derive(Deserialize)]
struct Token {
    access_token: String,
}

/// Starts the gate in front of `upstream`, and gives an agent's token for it.
pub(super) fn start(
    options: &Options,
    directory: &Path,
    upstream: SocketAddr,
) -> io::Result<(Target, String)> {
    let directory = directory.join(NAME);
    fs::create_dir(&directory)?;
    for file in ["model.conf", "policy.csv", "detections.toml"] {
        fs::copy(Path::new(env!("CARGO_MANIFEST_DIR")).join(file), directory.join(file))
            .map_err(|error| io::Error::other(format!("{file}: {error}")))?;
    }
    let address = free_address()?;
    let program = options.gate.to_string_lossy();
    let log = directory.join("server.log");
    let mut serve = Command::new(&*program);
    serve.arg("serve").stdin(Stdio::null());
    serve.stdout(File::create(&log)?).stderr(File::options().append(true).open(&log)?);
    configure(&mut serve, options.workers, &directory, address, upstream);
    let mut process = Process::start(&mut serve)?;
    process.wait_until(|| is_ready(address)).map_err(|error| with_log(&error, &log))?;

    let mut create = Command::new(&*program);
    create.args(["agent", "create", "bench", "--role", "developer", "--json"]);
    configure(&mut create, options.workers, &directory, address, upstream);
    let agent = create_agent(&mut create)?;
    // A running server notices what the command line did within a second.
    process.wait_until(|| fetch_token(address, &agent).is_ok())?;
    let token = fetch_token(address, &agent)?;
    Ok((Target { name: NAME, address, process }, token))
}

/// Nothing of the caller's own configuration may reach the gate.
fn configure(
    command: &mut Command,
    workers: usize,
    directory: &Path,
    address: SocketAddr,
    upstream: SocketAddr,
) {
    command.env_clear().current_dir(directory);
    if let Some(path) = env::var_os("PATH") {
        command.env("PATH", path);
    }
    command
        .env("PORTCULLIS_SERVER__BIND", address.to_string())
        .env("PORTCULLIS_SERVER__WORKERS", workers.to_string())
        .env("PORTCULLIS_DATA_DIR", directory.join("data"))
        .env("PORTCULLIS_UPSTREAM__BASE_URL", format!("http://{upstream}/v1"))
        .env("PORTCULLIS_POLICY__MODEL", directory.join("model.conf"))
        .env("PORTCULLIS_POLICY__FILE", directory.join("policy.csv"))
        .env("PORTCULLIS_DETECTION__FILE", directory.join("detections.toml"))
        .env("PORTCULLIS_ADMIN__PASSWORD", "only for this benchmark");
}

fn is_ready(address: SocketAddr) -> bool {
    let request = wire::request("GET", "/readyz", "Connection: close\r\n", "");
    wire::call(address, &request).is_ok_and(|(status, _)| status == 200)
}

fn create_agent(command: &mut Command) -> io::Result<Agent> {
    let output = command.output()?;
    if !output.status.success() {
        let message = String::from_utf8_lossy(&output.stderr);
        return Err(io::Error::other(format!("agent create: {}", message.trim())));
    }
    Ok(serde_json::from_slice(&output.stdout)?)
}

fn fetch_token(address: SocketAddr, agent: &Agent) -> io::Result<String> {
    let body = json!({
        "grant_type": "client_credentials",
        "client_id": agent.client_id,
        "client_secret": agent.client_secret,
    });
    let request = wire::request("POST", "/api/v1/auth/token", "", &body.to_string());
    let (status, answer) = wire::call(address, &request)?;
    if status != 200 {
        return Err(io::Error::other(format!("the token endpoint answers {status}")));
    }
    Ok(serde_json::from_slice::<Token>(&answer)?.access_token)
}

fn with_log(error: &io::Error, log: &Path) -> io::Error {
    let text = fs::read_to_string(log).unwrap_or_default();
    let last = text.lines().rfind(|line| !line.trim().is_empty()).unwrap_or("its log is empty");
    io::Error::other(format!("{error}; {last}"))
}
