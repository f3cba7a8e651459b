//! `portcullis demo`: the newcomer's first command.
//!
//! Owns the tour: a sandboxed server, a demo agent, one allowed streamed call and one denied one through
//! the real HTTP surface, and the snippets to go on with. It must never call a real provider.

use super::serve::{Bind, in_system, load, show_new_password};
use super::token::{Credentials, fetch};
use super::{ACTOR, CliError, Context, Output, agent, private_file::PrivateFile};
use crate::admin::{
    self, AdminError, ConfiguredNames, LimitChange, NewAgentRequest, USUAL_AGENT_TYPE,
};
use crate::app::Gateway;
use crate::store::StoreError;
use awc::http::{StatusCode, header};
use futures_util::StreamExt;
use serde_json::{Value, json};
use std::{io::Write, path::Path, time::Duration};

const AGENT: &str = "demo-agent";
const ROLE: &str = "developer";
const ALLOWED_MODEL: &str = "gpt-4o-mini";
const DENIED_MODEL: &str = "internal-research-model";
/// The sandbox takes any key; it is shown in the snippets as what it is.
const SANDBOX_KEY: &str = "sk-sandbox";
const TIMEOUT: Duration = Duration::from_secs(30);

pub(super) fn demo(context: &Context, bind: &Bind, output: &mut Output) -> Result<(), CliError> {
    let config = load(context, bind)?;
    if config.database.url.is_some() {
        return Err(CliError::Refused(
            "the demo makes an agent of its own, and not in your database: unset DATABASE_URL \
             (database.url), or use `portcullis serve --sandbox`"
                .to_owned(),
        ));
    }
    in_system(async move {
        let gateway = Gateway::prepare(config.clone(), true)?;
        let url = format!("http://{}", gateway.address());
        let file = config.data_dir.join("demo-agent.json");
        let credentials = demo_agent(&file, &gateway)?;
        output.line(format!(
            "Portcullis {} with the built-in sandbox instead of a provider",
            env!("CARGO_PKG_VERSION")
        ))?;
        output.line(format!("  dashboard  {url}/  (user {})", config.admin.username))?;
        match gateway.new_password() {
            Some(_) => show_new_password(&gateway, &config, output)?,
            None => {
                output.line("  password   as before; PORTCULLIS_ADMIN__PASSWORD sets a new one")?;
            }
        }
        let serving = actix_web::rt::spawn(gateway.serve());
        let toured = tour(&url, &credentials, output).await;
        match toured {
            Ok(()) => output.line("Both calls are on the dashboard now.")?,
            Err(error) => output.line(format!("   The tour stopped: {error}"))?,
        }
        snippets(&url, &file, output)?;
        output.line("Serving. Press Ctrl+C to stop.")?;
        let served = serving.await;
        Ok(served.map_err(|error| CliError::Refused(format!("the server stopped: {error}")))??)
    })
}

/// The demo agent of an earlier start, or a new one.
fn demo_agent(path: &Path, gateway: &Gateway) -> Result<Credentials, CliError> {
    let store = gateway.store();
    if let (Some(_), Ok(known)) = (store.agent(AGENT)?, Credentials::read(path)) {
        return Ok(known);
    }
    let request = NewAgentRequest {
        name: AGENT.to_owned(),
        agent_type: USUAL_AGENT_TYPE.to_owned(),
        roles: vec![ROLE.to_owned()],
        owner: None,
        identity: None,
        limits: LimitChange::default(),
    };
    let file = PrivateFile::open(path)?;
    let now = crate::clock::now();
    let names = ConfiguredNames::default();
    let new = match admin::create_agent(store, gateway.policy(), &names, request, ACTOR, now) {
        Err(AdminError::Store(StoreError::Taken { .. })) => {
            admin::rotate_secret(store, AGENT, ACTOR, now)?
        }
        created => created?,
    };
    file.keep(&agent::credentials(&new))?;
    Ok(Credentials { client_id: new.client_id, client_secret: new.client_secret })
}

async fn tour(url: &str, credentials: &Credentials, output: &mut Output) -> Result<(), CliError> {
    let reply = fetch(url, credentials).await?;
    let token = reply.get("access_token").and_then(Value::as_str).unwrap_or_default();
    let caller = Caller { url, token };
    output.line("")?;
    output.line(format!("1. {AGENT} ({ROLE}) asks {ALLOWED_MODEL}, streamed:"))?;
    caller.allowed(output).await?;
    output.line("")?;
    output.line(format!("2. {AGENT} asks {DENIED_MODEL}, which policy.csv does not grant:"))?;
    caller.denied(output).await?;
    output.line("")
}

struct Caller<'a> {
    url: &'a str,
    token: &'a str,
}

impl Caller<'_> {
    async fn call(
        &self,
        model: &str,
    ) -> Result<
        awc::ClientResponse<
            impl futures_util::Stream<Item = Result<bytes::Bytes, awc::error::PayloadError>>,
        >,
        CliError,
    > {
        let body = json!({
            "model": model,
            "messages": [{ "role": "user", "content": "Hello! Who answers here?" }],
            "stream": true,
        });
        awc::Client::builder()
            .timeout(TIMEOUT)
            .finish()
            .post(format!("{}/api/v1/openai/v1/chat/completions", self.url))
            .insert_header((header::AUTHORIZATION, format!("Bearer {}", self.token)))
            .insert_header(("x-openai-key", SANDBOX_KEY))
            .send_json(&body)
            .await
            .map_err(|error| CliError::Refused(error.to_string()))
    }

    async fn allowed(&self, output: &mut Output) -> Result<(), CliError> {
        let mut response = self.call(ALLOWED_MODEL).await?;
        if response.status() != StatusCode::OK {
            let status = response.status().as_u16();
            let reason = format!(
                "expected 200, got {status}; does policy.csv grant {ROLE} {ALLOWED_MODEL}?"
            );
            return Err(CliError::Refused(reason));
        }
        let mut stdout = std::io::stdout();
        write!(stdout, "   ")?;
        let mut rest = Vec::new();
        while let Some(chunk) = response.next().await {
            rest.extend_from_slice(&chunk.map_err(|error| CliError::Refused(error.to_string()))?);
            while let Some(end) = rest.windows(2).position(|pair| pair == b"\n\n") {
                let event: Vec<u8> = rest.drain(..end + 2).collect();
                write!(stdout, "{}", text_of(&event).unwrap_or_default())?;
                stdout.flush()?;
            }
        }
        writeln!(stdout)?;
        output.line(format!("   200, decision {}", decision(&response)))
    }

    async fn denied(&self, output: &mut Output) -> Result<(), CliError> {
        let mut response = self.call(DENIED_MODEL).await?;
        let body: Value =
            response.json().await.map_err(|error| CliError::Refused(error.to_string()))?;
        let code = body.pointer("/error/code").and_then(Value::as_str).unwrap_or("?");
        output.line(format!(
            "   {} {code}, decision {}",
            response.status().as_u16(),
            decision(&response)
        ))
    }
}

fn decision<S>(response: &awc::ClientResponse<S>) -> String {
    let value = response.headers().get(crate::pipeline::DECISION);
    value.and_then(|value| value.to_str().ok()).unwrap_or("-").to_owned()
}

/// The text that a chunk adds.
fn text_of(event: &[u8]) -> Option<String> {
    let data = std::str::from_utf8(event).ok()?.strip_prefix("data: ")?;
    let chunk: Value = serde_json::from_str(data.trim()).ok()?;
    chunk.pointer("/choices/0/delta/content").and_then(Value::as_str).map(str::to_owned)
}

fn snippets(url: &str, credentials: &Path, output: &mut Output) -> Result<(), CliError> {
    let program = std::env::args().next().unwrap_or_else(|| "portcullis".to_owned());
    let credentials = credentials.display();
    for line in [
        "Go on from another terminal here:",
        "",
        &format!("export OPENAI_BASE_URL={url}/api/v1/openai/v1"),
        &format!(
            "export OPENAI_API_KEY=$({program} token --url {url} --credentials {credentials})"
        ),
        "",
        &admin::curl_of_environment(ALLOWED_MODEL, SANDBOX_KEY),
        "",
        "# Python, after: pip install openai",
        "python3 - <<'EOF'",
        &admin::python_of_environment(ALLOWED_MODEL, SANDBOX_KEY),
        "EOF",
        "",
    ] {
        output.line(line)?;
    }
    Ok(())
}
