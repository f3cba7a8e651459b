//! The settings: one declaration makes the typed structs, the key table and the builder.
//!
//! Owns every key, its default, its range and its documentation. It must never hold how values are
//! layered or shown.

use super::{
    ConfigError, IssuerSettings, Network,
    declare::settings,
    texts::Texts,
    value::{
        self, BlockedStatus, Durability, LogFormat, StreamDetection, UnknownEndpoints, WhenFull,
    },
};
use crate::types::{Role, Sensitive};
use std::{collections::BTreeMap, net::SocketAddr, path::PathBuf};

/// One setting, as the documentation and the checks see it.
#[derive(Debug)]
pub struct Key {
    /// `section.key`, `section.NAME.key` where names are free, or the key alone at the top level.
    pub path: &'static str,
    /// The default as text; empty where nothing is set.
    pub default: &'static str,
    /// What the example file sets it to.
    pub example: &'static str,
    /// What it means, with its unit.
    pub doc: &'static str,
    /// Whether its value must never be shown.
    pub secret: bool,
}

impl Key {
    /// The table of the file that it stands in; empty for the top level.
    pub fn section(&self) -> &'static str {
        self.path.rsplit_once('.').map_or("", |(section, _)| section)
    }

    /// Its name within its section.
    pub fn name(&self) -> &'static str {
        self.path.rsplit_once('.').map_or(self.path, |(_, name)| name)
    }
}

/// The environment variable that sets the key at `path`.
pub(super) fn variable_of(path: &str) -> String {
    format!("PORTCULLIS_{}", path.replace('.', "__").to_uppercase())
}

settings! {
    /// Directory of the databases and the signing key. Created with mode 0700.
    data_dir: PathBuf = "./data", value::path;

    /// Where the gate listens, and how it stops.
    server: Server {
        /// Address and port to listen on.
        bind: SocketAddr = "127.0.0.1:8000", value::address;
        /// Worker threads. 0: one per core.
        workers: usize = "0", value::whole(0..=1_024);
        /// Seconds that streams may go on after SIGTERM before they are cut.
        shutdown_timeout_secs: u64 = "30", value::whole(0..=3_600);
        /// Seconds of silence after which a stream gets a `: ping` comment.
        ping_every_secs: u64 = "15", value::whole(1..=3_600);
        /// Seconds that a request's body may take to arrive.
        body_timeout_secs: u64 = "60", value::whole(1..=3_600);
        /// Seconds that sending to a client may make no progress before it counts as gone.
        write_timeout_secs: u32 = "60", value::whole(1..=3_600);
        /// URL that clients know this gate by, for the OAuth metadata. Unset: taken from each request.
        public_url: Option<String> = "", value::public_url;
        /// Proxies (`127.0.0.1, 10.0.0.0/8`) whose `X-Forwarded-For` says whose failed sign-ins count.
        trusted_proxies: Vec<Network> = "", value::networks;
        /// Name of this gateway in the records. Unset: the host's name.
        node: String = "", value::label;
    }

    /// Where state and records are kept.
    database: Database {
        /// `postgres://…`; `DATABASE_URL` sets it too. Unset: SQLite in `data_dir`.
        url: Option<Sensitive<String>> = "", value::postgres_url, secret;
        /// Connections to the database.
        pool_size: u32 = "4", value::whole(1..=256);
    }

    /// The provider that allowed calls are forwarded to.
    upstream: Upstream {
        /// Base URL of an OpenAI-compatible API, with its `/v1`.
        base_url: String = "https://api.openai.com/v1", value::base_url;
        /// PEM file of authorities to trust besides the public ones, for an `https` provider.
        ca_file: Option<PathBuf> = "", value::optional_path;
        /// Provider key for callers that send none. Unset: they are refused.
        api_key: Option<Sensitive<String>> = "", value::provider_key, secret;
        /// File whose first line is that key, instead of `upstream.api_key`.
        api_key_file: Option<PathBuf> = "", value::optional_path;
        /// Use the provider key that a caller sends. `false`: always the gate's own.
        caller_keys: bool = "true", value::switch;
        /// Seconds until a connection to the provider stands.
        connect_timeout_secs: u64 = "10", value::whole(1..=300);
        /// Seconds until the head of the provider's answer has come.
        answer_timeout_secs: u64 = "600", value::whole(1..=86_400);
        /// Seconds of silence within an answer after which it is cut.
        idle_timeout_secs: u64 = "300", value::whole(1..=86_400);
        /// Connections to the provider, per worker.
        max_connections: usize = "1024", value::whole(1..=65_535);
        /// Ask for token counts on streams, and hide them from callers that did not ask.
        request_stream_usage: bool = "true", value::switch;
    }

    /// What may be called.
    endpoints: Endpoints {
        /// What happens to endpoints that the gate does not know: `deny`, or `forward_unscreened`.
        unknown: UnknownEndpoints = "deny", value::unknown_endpoints;
    }

    /// The files that decide who may do what.
    policy: PolicyFiles {
        /// The Casbin model.
        model: PathBuf = "model.conf", value::path;
        /// The rules: roles, models, permissions. Read again whenever it is saved.
        file: PathBuf = "policy.csv", value::path;
    }

    /// What is looked for in calls and answers, and what is done when it is found.
    detection: Detection {
        /// The rules of detection. Read again whenever it is saved.
        file: PathBuf = "detections.toml", value::path;
        /// Streams under rules that redact or block: `inline` holds back what may still become a match, `after` judges what has passed.
        stream: StreamDetection = "inline", value::stream_detection;
        /// Status of a stopped call: 200 with an answer that says so, where its endpoint has one, or 451 always.
        blocked_status: BlockedStatus = "200", value::blocked_status;
        /// Bytes of text held back per streamed answer, at most; beyond it the answer is cut.
        held_bytes: usize = "65536", value::whole(1_024..=16_777_216);
        /// File of 32 bytes that findings are correlated with. Unset: `correlation.key` in `data_dir`, made at the first start.
        correlation_key_file: Option<PathBuf> = "", value::optional_path;
    }

    /// The dashboard and its API: the administrator who is always there, and how long everybody's sessions last.
    admin: Admin {
        /// The administrator's name at sign-in.
        username: String = "admin", value::label;
        /// Applies at every start. Unset: one is generated at the first start and shown once.
        password: Option<Sensitive<String>> = "", value::password, secret;
        /// Hours until a session must sign in again.
        session_hours: u32 = "12", value::whole(1..=8_760);
        /// Minutes without a request after which a session ends. Following live activity alone is no use.
        idle_minutes: u32 = "60", value::whole(1..=525_600);

        [oidc]
        /// Sign-in of users at an identity provider (OpenID Connect). Needs `server.public_url`.
        Oidc {
            /// `iss` of the provider, an `https` URL. Unset: users sign in with passwords alone.
            issuer: Option<String> = "", value::optional_issuer;
            /// The gate's id at the provider. Required.
            client_id: Option<String> = "", value::optional_label;
            /// The gate's secret at the provider. Unset: it is a public client.
            client_secret: Option<Sensitive<String>> = "", value::password, secret;
            /// File whose first line is that secret, instead of `admin.oidc.client_secret`.
            client_secret_file: Option<PathBuf> = "", value::optional_path;
            /// What is asked for, with spaces between.
            scopes: String = "openid profile email", value::scopes;
            /// Claim that names a user at the first sign-in. Later ones go by `sub`.
            username_claim: String = "preferred_username", value::label;
            /// Claim that lists what a user is at the provider.
            role_claim: String = "roles", value::label;
            /// Roles here for what that claim lists, `claim=role` with commas between them; the highest counts. Nobody else signs in. Required.
            roles: Vec<(String, Role)> = "", value::user_roles;
            /// What the button says after "Sign in with".
            name: String = "SSO", value::label;
            /// PEM file of authorities to trust besides the public ones, for the provider.
            ca_file: Option<PathBuf> = "", value::optional_path;
        }
    }

    /// The tokens that agents get for their client secret.
    auth: Auth {
        /// `iss` of the tokens. Clients that insist on RFC 8414 §3.3 want the public URL here.
        issuer: String = "portcullis", value::label;
        /// `aud` of the tokens, and the only one accepted.
        audience: String = "portcullis", value::label;
        /// Seconds that a token is good for.
        token_ttl_secs: u64 = "3600", value::whole(1..=86_400);
    }

    /// The record of every exchange.
    audit: Audit {
        /// What a record survives before its answer goes on: `process` (kill -9), or `disk` (power loss; each half is synced).
        durability: Durability = "process", value::durability;
        /// Directory of the journal of exchanges that the database does not have yet. Unset: `journal` in `data_dir`.
        journal_dir: Option<PathBuf> = "", value::optional_path;
        /// Bytes of the journal, at most: it grows while the database is away.
        journal_bytes: u64 = "4294967296", value::whole(16_777_216..=1_099_511_627_776);
        /// Bytes of one file of the journal.
        segment_bytes: u64 = "16777216", value::whole(1_048_576..=1_073_741_824);
        /// Calls that there is no room to record: `refuse` them (503), or `serve` them and count them as lost.
        when_full: WhenFull = "refuse", value::when_full;
        /// Records written to the database in one batch, at most.
        batch_records: usize = "4000", value::whole(1..=10_000);
        /// Milliseconds that a finished record waits for its batch, at most.
        flush_every_ms: u64 = "250", value::whole(1..=10_000);
        /// Exchanges under way at once; one more is answered with 503.
        max_open_exchanges: usize = "65536", value::whole(1..=16_777_216);
        /// Records after which a checkpoint is signed.
        checkpoint_records: u64 = "1000", value::whole(1..=1_000_000);
        /// Seconds after which a checkpoint is signed if there are new records.
        checkpoint_every_secs: u64 = "60", value::whole(1..=86_400);
        /// File that every checkpoint is appended to, outside of the database. Unset: `checkpoints.jsonl` in `data_dir`.
        checkpoint_file: Option<PathBuf> = "", value::optional_path;
        /// Ed25519 key that signs checkpoints (PKCS #8, PEM). Unset: `audit-signing.pem` in `data_dir`, made at the first start.
        signing_key_file: Option<PathBuf> = "", value::optional_path;
        /// Callers may fetch the proof of their call with its receipt. It shows them the whole record: the rule that decided, and findings.
        receipts: bool = "true", value::switch;
        /// Days that records are kept. 0: for ever.
        retention_days: u32 = "400", value::whole(0..=36_500);
        /// Bytes of records kept in the database, roughly; the oldest go first. 0: no bound.
        retention_bytes: u64 = "0", value::whole(0..=1_125_899_906_842_624);
    }

    /// What a request may ask of the gate.
    limits: Limits {
        /// Bytes of a request's body, at most.
        body_bytes: usize = "26214400", value::whole(1..=1_073_741_824);
        /// Bytes of an upload (a form with a file), at most.
        upload_bytes: usize = "536870912", value::whole(1..=1_099_511_627_776);
        /// Bytes of uploads held in memory at once, over all calls, and as many of plain bodies; beyond it, 503.
        held_upload_bytes: usize = "268435456", value::whole(1..=1_099_511_627_776);
        /// Bytes of a request's head (its line and headers), at most.
        header_bytes: usize = "32768", value::whole(1_024..=1_048_576);
        /// Requests per minute of each agent that has no limit of its own. 0: no limit.
        requests_per_minute: Option<u32> = "0", value::limit(u32::MAX.into());
        /// Requests per calendar month (UTC) of each agent that has no limit of its own. 0: no limit.
        monthly_requests: Option<u64> = "0", value::limit(1_000_000_000_000);
        /// Open streams of each agent that has no limit of its own. 0: no limit.
        concurrent_streams: Option<u32> = "0", value::limit(u32::MAX.into());
    }

    /// What conduct does to an agent's trust and risk. Scores go from 0 to 100.
    trust: Trust {
        /// Trust that a call without a violation adds.
        clean_call: i64 = "0.2", value::points(100);
        /// First calls of an agent, for which a clean one adds half of it.
        probation_calls: u64 = "5", value::whole(0..=1_000_000);
        /// Trust that a violation takes.
        violation: i64 = "1", value::points(100);
        /// Violations of one call that take trust, at most.
        violations_per_call: u32 = "10", value::whole(1..=1_000_000);
        /// Trust that an administrator adds who approves of an agent when lifting its quarantine.
        approval: i64 = "50", value::points(100);
        /// Trust that a quarantine takes.
        quarantine: i64 = "100", value::points(100);
        /// Trust that counts at most of a caller with a detection key, the gate's token, an external issuer's token.
        ceilings: [i64; 3] = "25, 50, 80", value::points_list(100);
        /// Trust that comes back in a day without a violation. 0: none.
        recovery_per_day: i64 = "0", value::points(100);
        /// Risk of a decision whose worst finding is LOW, MEDIUM, HIGH, CRITICAL.
        severity_risk: [i64; 4] = "10, 30, 60, 100", value::points_list(100);
        /// Risk that each violation of a call adds.
        violation_risk: i64 = "2", value::points(100);
        /// Risk that a call's violations add at most.
        violation_risk_most: i64 = "50", value::points(100);
        /// Risk that each point of trust adds which the caller of a call with findings lacks.
        distrust_risk: i64 = "0.3", value::points(1);
        /// Risk that a session adds which has seen credentials, sensitive data and then a call outside, many calls.
        session_risk: [i64; 3] = "30, 20, 10", value::points_list(100);
        /// Risk that a session adds at most.
        session_risk_most: i64 = "50", value::points(100);
        /// Seconds for which a session counts what it has seen, and its calls.
        session_secs: i64 = "1800", value::whole(1..=86_400);
        /// Calls in that time beyond which they are many. 0: never.
        high_volume_calls: u32 = "1000", value::whole(0..=1_000_000);
        /// Callers with less trust: rules that would log or redact block. 0: none.
        block_below: i64 = "0", value::points(100);
        /// Violations that quarantine an agent when they fall into `trust.quarantine_window_secs`. 0: none do.
        quarantine_violations: u32 = "0", value::whole(0..=10_000);
        /// Seconds over which these violations are counted, by each gateway for itself.
        quarantine_window_secs: i64 = "3600", value::whole(1..=2_592_000);
    }

    /// What the gate says on standard error.
    log: Log {
        /// `error`, `warn`, `info`, `debug`, or per module: `info,portcullis::policy=debug`.
        filter: String = "info", value::label;
        /// `text`, or `json` with one object a line.
        format: LogFormat = "text", value::log_format;
    }
}
