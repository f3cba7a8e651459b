//! `portcullis serve`.

use super::{CliError, Context, Output};
use crate::app::Gateway;
use crate::config::{self, Config};
use clap::Args;
use std::{fs::OpenOptions, io::Write, net::SocketAddr, os::unix::fs::OpenOptionsExt};

/// Where to listen.
#[derive(Args, Debug, Default)]
pub(super) struct Bind {
    /// Address and port to listen on [default: 127.0.0.1:8000]
    #[arg(long, value_name = "ADDRESS", value_parser = address)]
    pub(super) bind: Option<SocketAddr>,
}

#[derive(Args, Debug, Default)]
#[command(after_help = "Example: portcullis serve --bind 0.0.0.0:8000")]
pub(super) struct Serve {
    #[command(flatten)]
    bind: Bind,
    /// Answer from the built-in sandbox instead of the provider
    #[arg(long)]
    sandbox: bool,
}

pub(super) fn serve(context: &Context, serve: &Serve, output: &mut Output) -> Result<(), CliError> {
    let config = load(context, &serve.bind)?;
    in_system(async move {
        let gateway = Gateway::prepare(config.clone(), serve.sandbox)?;
        let url = format!("http://{}", gateway.address());
        output.line(format!("Portcullis {} on {url}", env!("CARGO_PKG_VERSION")))?;
        let provider = if serve.sandbox {
            "the built-in sandbox, not a provider"
        } else {
            &config.upstream.base_url
        };
        output.line(format!("  provider   {provider}"))?;
        output.line(format!("  policy     {}", config.policy.file.display()))?;
        output.line(format!("  detections {}", config.detection.file.display()))?;
        output.line(format!("  agents     {url}/api/v1/openai/v1"))?;
        output.line(format!("  keys       {url}/v1"))?;
        output.line(format!("  dashboard  {url}/  (user {})", config.admin.username))?;
        show_new_password(&gateway, &config, output)?;
        Ok(gateway.serve().await?)
    })
}

fn address(text: &str) -> Result<SocketAddr, String> {
    config::address(text).map_err(|expected| format!("expected {expected}"))
}

/// The configuration with the flags of this command; the logs start with it.
pub(super) fn load(context: &Context, bind: &Bind) -> Result<Config, CliError> {
    let flags: Vec<_> = bind.bind.iter().map(|bind| ("server.bind", bind.to_string())).collect();
    let config = context.load_with(&flags)?.config;
    crate::telemetry::start(&config.log)?;
    Ok(config)
}

/// Runs a server's main task on its own actix system.
pub(super) fn in_system<F>(main: F) -> Result<(), CliError>
where
    F: Future<Output = Result<(), CliError>>,
{
    // Another crate may have installed one; any will do.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    actix_web::rt::System::new().block_on(main)
}

/// Shows a generated password where a person sees it, else in a file: never in a log.
pub(super) fn show_new_password(
    gateway: &Gateway,
    config: &Config,
    output: &mut Output,
) -> Result<(), CliError> {
    let Some(password) = gateway.new_password() else { return Ok(()) };
    if output.is_terminal() {
        return output.line(format!("  password   {}  (shown this once)", password.expose()));
    }
    let path = config.data_dir.join("admin-password");
    let mut options = OpenOptions::new();
    let mut file = options.write(true).create(true).truncate(true).mode(0o600).open(&path)?;
    writeln!(file, "{}", password.expose())?;
    output.line(format!("  password   in {} (read it, then remove the file)", path.display()))
}
