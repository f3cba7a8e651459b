//! Putting the house together: from a configuration to a serving, then a stopped, gateway.
//!
//! Owns the order of start and stop. It must never start half: everything that can fail is tried
//! before the port is opened, and a failure is one line that says what to do.

mod data_dir;
mod error;
mod identities;
mod record;
mod wiring;

pub use data_dir::DataDir;
pub use error::AppError;

use crate::actors::policy::{DetectionsFile, PolicyPaths, PolicySnapshot};
use crate::actors::upstream::Provider;
use crate::admin::{ConfiguredNames, audit::Runs, ensure_administrator};
use crate::bus::audit::Flush;
use crate::bus::auth::SaveUsage;
use crate::bus::broadcast::Greeting;
use crate::config::{Config, UnknownEndpoints};
use crate::http::{AdminState, Oidc, SignInAttempts, routes};
use crate::pipeline::{Drain, Gate, GateSettings};
use crate::policy::Policy;
use crate::sandbox::Sandbox;
use crate::store::{Store, StoreOptions, correlation_key};
use crate::telemetry::RequestSpan;
use crate::types::Sensitive;
use actix_web::{App, HttpServer, dev::ServerHandle, rt::net::TcpStream, web::Data};
use std::{
    any::Any,
    net::{SocketAddr, TcpListener},
    sync::Arc,
    time::Duration,
};
use tracing_actix_web::TracingLogger;
use wiring::Wiring;

const BACKLOG: i32 = 4_096;
const HEAD_TIMEOUT: Duration = Duration::from_secs(15);
const KEEP_ALIVE: Duration = Duration::from_secs(75);
/// For the last bytes of answers.
const LAST_WORDS: Duration = Duration::from_millis(100);
/// For the ends of exchanges that are cut.
const CUT_TIMEOUT: Duration = Duration::from_secs(5);
const FLUSH_TIMEOUT: Duration = Duration::from_secs(15);

/// A gateway that is ready to serve: the port is open, nothing is answered yet.
pub struct Gateway {
    config: Config,
    listener: TcpListener,
    /// Held for its lock until the process ends.
    _data_dir: DataDir,
    store: Store,
    policy: Arc<Policy>,
    settings: GateSettings,
    provider: Provider,
    wiring: Wiring,
    greeting: Greeting,
    oidc: Option<Arc<Oidc>>,
    _sandbox: Option<Sandbox>,
    new_password: Option<Sensitive<String>>,
}

/// Opens the store that the configuration names, without claiming its directory.
pub fn open_store(config: &Config) -> Result<Store, AppError> {
    data_dir::prepare(&config.data_dir)?;
    let options = StoreOptions {
        database_url: config.database.url.clone(),
        data_dir: config.data_dir.clone(),
        pool_size: config.database.pool_size,
    };
    Ok(Store::open(&options)?)
}

/// The same for who only looks or changes what is there: in the wrong directory it makes nothing.
pub fn open_existing_store(config: &Config) -> Result<Store, AppError> {
    let is_missing = config.database.url.is_none() && !Store::is_in(&config.data_dir);
    if is_missing {
        return Err(AppError::NoDatabase { path: config.data_dir.clone() });
    }
    open_store(config)
}

/// The files of the policy.
pub fn policy_paths(config: &Config) -> PolicyPaths {
    PolicyPaths { model: config.policy.model.clone(), file: config.policy.file.clone() }
}

/// The file of the rules of detection, for a look at them: without the key for findings.
pub fn detections_file(config: &Config) -> DetectionsFile {
    DetectionsFile { path: config.detection.file.clone(), key: None }
}

/// The same with the key, which is made at the first start.
fn keyed_detections(config: &Config) -> Result<DetectionsFile, AppError> {
    let configured = config.detection.correlation_key_file.as_deref();
    let key = correlation_key(configured, &config.data_dir).map_err(AppError::CorrelationKey)?;
    Ok(DetectionsFile { key: Some(key), ..detections_file(config) })
}

impl Gateway {
    /// Claims directory and port, migrates, reads keys, policy and rules of detection. With `sandbox` the provider is the
    /// built-in one.
    pub fn prepare(mut config: Config, sandbox: bool) -> Result<Self, AppError> {
        let data_dir = DataDir::claim(&config.data_dir)?;
        let policy = policy_paths(&config).load()?;
        let detections_file = keyed_detections(&config)?;
        let detections = detections_file.load().map_err(AppError::Detections)?;
        let listener = listen(config.server.bind)?;
        let store = open_store(&config)?;
        let identities = identities::load(&config, &store)?;
        let new_password = ensure_administrator(&store, &config.admin, crate::clock::now())?;
        let sandbox = sandbox.then(crate::sandbox::start).transpose().map_err(AppError::Sandbox)?;
        if let Some(sandbox) = &sandbox {
            config.upstream.base_url.clone_from(&sandbox.base_url);
            config.upstream.api_key = Some(crate::sandbox::provider_key());
        }
        let settings = GateSettings::of(&config, sandbox.is_some())
            .map_err(|_not_a_header| AppError::ProviderKey)?;
        let provider = Provider::new(&config.upstream)?;
        let oidc = Oidc::of(&config)?.map(Arc::new);
        let greeting = Greeting {
            node: config.server.node.as_str().into(),
            version: env!("CARGO_PKG_VERSION"),
            sandbox: sandbox.is_some(),
        };
        let first_policy = Arc::clone(&policy.policy);
        let policy = (PolicySnapshot::of(policy, detections), detections_file);
        let open = record::open(&config, &store)?;
        let wiring =
            Wiring::start(&config, store.clone(), identities, policy, open, greeting.clone());
        Ok(Self {
            config,
            listener,
            _data_dir: data_dir,
            store,
            policy: first_policy,
            settings,
            provider,
            wiring,
            greeting,
            oidc,
            _sandbox: sandbox,
            new_password,
        })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.listener.local_addr().unwrap_or(self.config.server.bind)
    }

    /// The administrator's password, when this start generated one.
    pub fn new_password(&self) -> Option<&Sensitive<String>> {
        self.new_password.as_ref()
    }

    /// The policy that was read at the start.
    pub fn policy(&self) -> &Policy {
        &self.policy
    }

    /// The store, for use before serving.
    pub fn store(&self) -> &Store {
        &self.store
    }

    /// Serves until SIGTERM or SIGINT: then stops accepting, lets streams finish and flushes the
    /// record.
    pub async fn serve(self) -> Result<(), AppError> {
        let drain = Drain::default();
        let admin_state = AdminState {
            store: self.store.clone(),
            settings: self.config.admin.clone(),
            public_url: self.config.server.public_url.clone(),
            trusted_proxies: self.config.server.trusted_proxies.clone(),
            greeting: self.greeting.clone(),
            names: ConfiguredNames::of(&self.config),
            trust: self.config.trust.clone(),
            policy_files: self.config.policy.clone(),
            detection: self.config.detection.clone(),
            forward_unknown: self.config.endpoints.unknown == UnknownEndpoints::ForwardUnscreened,
            checkpoint_records: self.config.audit.checkpoint_records,
            receipts: self.config.audit.receipts,
            verifications: Runs::new(self.config.clone()),
            oidc: self.oidc,
            attempts: Arc::new(SignInAttempts::default()),
            drain: drain.clone(),
        };
        let (wiring, gate_drain) = (self.wiring.clone(), drain.clone());
        let settings = self.settings.clone();
        let (upstream, provider) = (self.config.upstream.clone(), self.provider);
        let write_timeout_ms = self.config.server.write_timeout_secs.saturating_mul(1_000);
        let server = HttpServer::new(move || {
            let bus = wiring.seat_worker(&upstream, &provider);
            App::new()
                .app_data(Data::new(Gate::new(bus, gate_drain.clone(), settings.clone())))
                .app_data(Data::new(admin_state.clone()))
                .wrap(TracingLogger::<RequestSpan>::new())
                .configure(routes)
        })
        .workers(workers(self.config.server.workers))
        // A client that closes its side has gone: its exchange ends at once, and the provider's call with it.
        .h1_allow_half_closed(false)
        .on_connect(move |connection, _| bound_writes(connection, write_timeout_ms))
        .tcp_nodelay(true)
        .keep_alive(KEEP_ALIVE)
        .client_request_timeout(HEAD_TIMEOUT)
        .disable_signals()
        .listen(self.listener)
        .map_err(AppError::Serve)?
        .run();
        let patience = Duration::from_secs(self.config.server.shutdown_timeout_secs);
        actix_web::rt::spawn(stop_on_signal(server.handle(), drain.clone(), patience));
        server.await.map_err(AppError::Serve)?;
        // The workers' threads drop what was cut as they end; their records come with it.
        if tokio::time::timeout(CUT_TIMEOUT, drain.drained()).await.is_err() {
            tracing::warn!("exchanges that were cut have not ended");
        }
        flush(&self.wiring).await
    }
}

fn workers(configured: usize) -> usize {
    if configured > 0 {
        return configured;
    }
    std::thread::available_parallelism().map_or(1, std::num::NonZero::get)
}

/// Bounds how long a client may take nothing of what is sent (TCP_USER_TIMEOUT, RFC 5482): such a client would
/// hold its exchange, and the provider's connection, for as long as it likes.
fn bound_writes(connection: &dyn Any, timeout_ms: u32) {
    let Some(stream) = connection.downcast_ref::<TcpStream>() else { return };
    if let Err(error) = rustix::net::sockopt::set_tcp_user_timeout(stream, timeout_ms) {
        tracing::debug!(%error, "a client's writes are not bounded");
    }
}

/// Opens the port, so that a port in use is known before anything is served.
fn listen(bind: SocketAddr) -> Result<TcpListener, AppError> {
    let listener = TcpListener::bind(bind).map_err(|error| AppError::Bind { bind, error })?;
    // The standard library's backlog of 128 drops connections in a burst; listening again only widens it.
    rustix::net::listen(&listener, BACKLOG)
        .map_err(|error| AppError::Bind { bind, error: error.into() })?;
    Ok(listener)
}

async fn stop_on_signal(server: ServerHandle, drain: Drain, patience: Duration) {
    use tokio::signal::unix::{SignalKind, signal};
    let (Ok(mut terminate), Ok(mut interrupt)) =
        (signal(SignalKind::terminate()), signal(SignalKind::interrupt()))
    else {
        tracing::error!("signals cannot be watched; stop the gate with SIGKILL");
        return;
    };
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    drain.stop();
    tracing::info!("stopping: no new calls, streams may finish");
    server.pause().await;
    tokio::select! {
        drained = tokio::time::timeout(patience, drain.drained()) => if drained.is_err() {
            tracing::warn!("streams were still open after server.shutdown_timeout_secs and are cut");
        },
        _ = terminate.recv() => tracing::warn!("a second signal: streams are cut"),
        _ = interrupt.recv() => tracing::warn!("a second signal: streams are cut"),
    }
    // Answers that are written but not yet sent get a moment; idle connections are not waited for.
    tokio::time::sleep(LAST_WORDS).await;
    server.stop(false).await;
}

/// Stores what is not yet stored. What the store does not take stays in the journal for the next start.
async fn flush(wiring: &Wiring) -> Result<(), AppError> {
    let flushed = tokio::time::timeout(FLUSH_TIMEOUT, wiring.record().flush.ask(Flush));
    let (saved, flushed) = tokio::join!(wiring.save_usage().ask(SaveUsage), flushed);
    if let Err(error) = saved {
        tracing::warn!(%error, "what callers used last could not be saved");
    }
    match flushed {
        Ok(Ok(0)) => tracing::info!("stopped; every record is stored"),
        Ok(Ok(records)) => tracing::warn!(
            records,
            "stopped; records wait in the journal and are stored at the next start"
        ),
        Ok(Err(_)) | Err(_) => {
            tracing::warn!("stopped; what is not stored waits in the journal for the next start");
        }
    }
    Ok(())
}
