//! What is measured: the mock upstream itself, and proxies in front of it.
//!
//! Owns how each is started and asked. All get the same requests, byte for byte, and the proxies the
//! same number of workers.

use crate::{options::Options, process::Process, wire};
use std::{
    env,
    io::{self, BufRead, BufReader},
    net::SocketAddr,
    path::Path,
    process::{Command, Stdio},
    time::Duration,
};

mod gate;
mod nginx;

/// Where the gate serves agents, and nginx and the mock do likewise.
pub(crate) const BASE_PATH: &str = "/api/v1/openai/v1";

/// Something that answers chat calls.
pub(crate) struct Target {
    /// Its name in the tables.
    pub(crate) name: &'static str,
    /// Where it listens.
    pub(crate) address: SocketAddr,
    /// Its process.
    pub(crate) process: Process,
}

/// Everything that could be started, and why the rest could not.
pub(crate) struct Targets {
    /// `direct` first, the order of measurement.
    pub(crate) running: Vec<Target>,
    /// Names and reasons.
    pub(crate) missing: Vec<(&'static str, String)>,
    /// The credentials, as header lines, that every target is sent.
    pub(crate) headers: String,
}

impl Targets {
    /// Starts the mock, and the proxies that were asked for. `directory` is theirs to fill.
    pub(crate) fn start(options: &Options, directory: &Path) -> io::Result<Self> {
        let mock = start_mock()?;
        let upstream = mock.address;
        let mut targets =
            Self { running: vec![mock], missing: Vec::new(), headers: credentials("none") };
        if !options.without_nginx {
            match nginx::start(options.workers, directory, upstream) {
                Ok(nginx) => targets.running.push(nginx),
                Err(error) => targets.missing.push((nginx::NAME, error.to_string())),
            }
        }
        if !options.without_gate {
            match gate::start(options, directory, upstream) {
                Ok((gate, token)) => {
                    targets.running.push(gate);
                    targets.headers = credentials(&token);
                }
                Err(error) => targets.missing.push((gate::NAME, error.to_string())),
            }
        }
        Ok(targets)
    }

    /// CPU time of them all so far.
    pub(crate) fn cpu_time(&self) -> Duration {
        self.running.iter().map(|target| target.process.cpu_time()).sum()
    }
}

impl Target {
    /// The bytes of a chat call to this target.
    pub(crate) fn chat_request(&self, headers: &str, body: &str) -> Vec<u8> {
        wire::request("POST", &format!("{BASE_PATH}/chat/completions"), headers, body)
    }
}

fn credentials(token: &str) -> String {
    format!("Authorization: Bearer {token}\r\nX-OpenAI-Key: sk-bench\r\n")
}

fn start_mock() -> io::Result<Target> {
    let mut command = Command::new(env::current_exe()?);
    command.args(["--bench", "--serve-mock"]).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut process = Process::start(&mut command)?;
    let mut line = String::new();
    if let Some(stdout) = process.stdout() {
        BufReader::new(stdout).read_line(&mut line)?;
    }
    let port = line.trim().parse::<u16>().map_err(io::Error::other)?;
    Ok(Target { name: "direct", address: ([127, 0, 0, 1], port).into(), process })
}
