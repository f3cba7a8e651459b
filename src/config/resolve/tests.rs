//! Layers, sources, and the one-line errors.

use super::*;
use crate::config::{BlockedStatus, StreamDetection, UnknownAgents, UnknownEndpoints};

fn pairs(list: &[(&str, &str)]) -> Vec<(String, String)> {
    list.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

fn load(
    file: &str,
    environment: &[(&str, &str)],
    flags: &[(&str, &str)],
) -> Result<Loaded, String> {
    resolve(&Inputs {
        file: Some(("portcullis.toml", file)),
        environment: &pairs(environment),
        overrides: &pairs(flags),
        host_name: "gate-1",
    })
    .map_err(|error| error.to_string())
}

fn error(file: &str, environment: &[(&str, &str)]) -> String {
    load(file, environment, &[]).unwrap_err()
}

fn source_of<'a>(loaded: &'a Loaded, key: &str) -> (&'a str, &'a str) {
    let value = loaded.values.iter().find(|value| value.key == key).unwrap();
    (&value.shown, &value.source)
}

#[test]
fn every_default_is_acceptable() {
    let loaded = load("", &[], &[]).unwrap();
    let config = &loaded.config;
    assert_eq!(config.server.bind.to_string(), "127.0.0.1:8000");
    assert_eq!(config.server.node, "gate-1");
    assert_eq!(config.upstream.base_url, "https://api.openai.com/v1");
    assert_eq!(config.limits.body_bytes, 25 * 1024 * 1024);
    assert!(config.database.url.is_none() && config.upstream.request_stream_usage);
    assert!(loaded.values.iter().all(|value| value.source == "default"));
    assert!(loaded.warnings.is_empty());
}

#[test]
fn flags_win_over_the_environment_over_the_file_over_the_defaults() {
    let file = "[server]\nworkers = 1\nping_every_secs = 2\nbody_timeout_secs = 3\n";
    let environment =
        [("PORTCULLIS_SERVER__PING_EVERY_SECS", "20"), ("PORTCULLIS_SERVER__WORKERS", "10")];
    let loaded = load(file, &environment, &[("server.workers", "7")]).unwrap();
    assert_eq!(source_of(&loaded, "server.workers"), ("7", "flag"));
    let variable = "environment PORTCULLIS_SERVER__PING_EVERY_SECS";
    assert_eq!(source_of(&loaded, "server.ping_every_secs"), ("20", variable));
    assert_eq!(source_of(&loaded, "server.body_timeout_secs"), ("3", "portcullis.toml:4"));
    assert_eq!(source_of(&loaded, "server.shutdown_timeout_secs"), ("30", "default"));
    assert_eq!(loaded.config.server.workers, 7);
}

#[test]
fn the_file_may_be_written_with_tables_inline_tables_or_dotted_keys() {
    for file in [
        "data_dir = \"/d\"\n[log]\nformat = \"json\"\n",
        "data_dir = \"/d\"\nlog = { format = \"json\" }\n",
        "data_dir = \"/d\"\nlog.format = \"json\"\n",
    ] {
        let loaded = load(file, &[], &[]).unwrap();
        assert_eq!(source_of(&loaded, "data_dir"), ("/d", "portcullis.toml:1"));
        assert_eq!(loaded.config.log.format, crate::config::LogFormat::Json);
    }
}

#[test]
fn the_database_has_two_variables_and_our_own_wins() {
    let platform = ("DATABASE_URL", "postgres://platform/db");
    let own = ("PORTCULLIS_DATABASE__URL", "postgres://own/db");
    let url = |environment: &[(&str, &str)]| {
        load("", environment, &[]).unwrap().config.database.url.unwrap().reveal()
    };
    assert_eq!(url(&[platform]), "postgres://platform/db");
    assert_eq!(url(&[platform, own]), "postgres://own/db");
    assert!(load("", &[("DATABASE_URL", "")], &[]).unwrap().config.database.url.is_none());
}

#[test]
fn secrets_are_shown_nowhere() {
    let secrets = [
        ("DATABASE_URL", "postgres://u:canary@h/d"),
        ("PORTCULLIS_ADMIN__PASSWORD", "canary"),
        ("PORTCULLIS_UPSTREAM__API_KEY", "sk-canary"),
    ];
    let loaded = load("", &secrets, &[]).unwrap();
    assert!(!format!("{loaded:?}").contains("canary"));
    assert_eq!(source_of(&loaded, "admin.password").0, "(hidden)");
    assert_eq!(loaded.warnings.len(), 1, "a short password is worth a warning");
    for bad in [
        ("DATABASE_URL", "mysql://u:canary@h/d"),
        ("PORTCULLIS_UPSTREAM__API_KEY", "sk canary"),
        ("PORTCULLIS_UPSTREAM__BASE_URL", "https://u:canary@host/v1"),
        ("PORTCULLIS_UPSTREAM__BASE_URL", "https://host/v1?key=canary"),
    ] {
        let text = error("", &[bad]);
        assert!(text.contains("(hidden)") && !text.contains("canary"), "{text}");
    }
    let text = error("[admin]\npassword = \"canary\n", &[]);
    assert!(text.starts_with("portcullis.toml:2: ") && !text.contains("canary"), "{text}");
}

#[test]
fn errors_are_one_line_with_place_key_value_and_remedy() {
    assert_eq!(
        error("\n[server]\nbnid = \"127.0.0.1:1\"\n", &[]),
        "portcullis.toml:3: unknown key server.bnid; did you mean server.bind?"
    );
    assert_eq!(
        error("[servr]\n", &[]),
        "portcullis.toml:1: unknown section [servr]; did you mean [server]?"
    );
    assert_eq!(
        error("", &[("PORTCULLIS_UPSTREAM__URL", "x")]),
        "environment PORTCULLIS_UPSTREAM__URL: unknown variable; \
         did you mean PORTCULLIS_UPSTREAM__BASE_URL?"
    );
    assert_eq!(
        error("bind = \"127.0.0.1:1\"\n", &[]),
        "portcullis.toml:1: unknown key bind; did you mean server.bind?"
    );
    assert_eq!(
        error("[server]\n\nping_every_secs = 0\n", &[]),
        "portcullis.toml:3: server.ping_every_secs = \"0\": \
         expected a whole number from 1 to 3600"
    );
    assert_eq!(
        error("[server]\nbind = [1]\n", &[]),
        "portcullis.toml:2: server.bind = (array): expected a text, a number, true or false"
    );
    let flag = load("", &[], &[("server.bind", "localhost:80")]).unwrap_err();
    assert!(flag.starts_with("flag: server.bind = \"localhost:80\": expected an IP address"));
    for text in ["[server", "[log]\n[log]\n", "a = \n", "[server]\nbind = 127.0.0.1:80\n"] {
        let text = error(text, &[]);
        assert!(text.starts_with("portcullis.toml:") && !text.contains('\n'), "{text}");
    }
}

#[test]
fn variables_outside_sections_only_warn_and_empty_ones_count_as_unset() {
    let environment = [
        ("PORTCULLIS_CLIENT_SECRET", "x"),
        ("PORTCULLIS_HOME", "/opt"),
        ("PORTCULLIS_SERVER__BIND", ""),
    ];
    let loaded = load("", &environment, &[]).unwrap();
    assert_eq!(loaded.warnings, ["environment PORTCULLIS_HOME is not a setting and has no effect"]);
    assert_eq!(source_of(&loaded, "server.bind"), ("127.0.0.1:8000", "default"));
}

#[test]
fn a_base_url_loses_its_trailing_slash() {
    let file = "[upstream]\nbase_url = \"http://127.0.0.1:9/v1/\"\n";
    assert_eq!(load(file, &[], &[]).unwrap().config.upstream.base_url, "http://127.0.0.1:9/v1");
}

const CORP: &str = "[issuers.corp]\nissuer = \"https://login.example.com/\"\naudience = \"gate\"\n";

#[test]
fn an_issuer_may_stand_in_the_file_and_in_the_environment() {
    let environment = [
        ("PORTCULLIS_ISSUERS__CORP__ROLE_MAP", "corp=dev=developer, ops = operator"),
        ("PORTCULLIS_ISSUERS__B__2__ISSUER", "http://127.0.0.1:9"),
        ("PORTCULLIS_ISSUERS__B__2__AUDIENCE", "gate"),
        ("PORTCULLIS_ISSUERS__B__2__ALGORITHMS", "EdDSA, ES256"),
        ("PORTCULLIS_ISSUERS__EMPTY__ISSUER", ""),
    ];
    let loaded = load(CORP, &environment, &[]).unwrap();
    let issuers = &loaded.config.issuers;
    assert_eq!(issuers.keys().collect::<Vec<_>>(), ["b__2", "corp"]);
    let corp = &issuers["corp"];
    assert_eq!(corp.issuer, "https://login.example.com/", "as it stands in the tokens");
    let pair = |said: &str, role: &str| (said.to_owned(), role.to_owned());
    assert_eq!(corp.role_map, [pair("corp=dev", "developer"), pair("ops", "operator")]);
    assert_eq!(corp.algorithms, ["RS256", "ES256", "EdDSA"]);
    assert_eq!((corp.agent_claim.as_str(), corp.roles_claim.as_str()), ("sub", "roles"));
    assert!(corp.jwks_url.is_none() && corp.unknown_agents == UnknownAgents::Refuse);
    assert_eq!(issuers["b__2"].algorithms, ["EdDSA", "ES256"]);
    assert_eq!(source_of(&loaded, "issuers.corp.audience"), ("gate", "portcullis.toml:3"));
    assert_eq!(source_of(&loaded, "issuers.corp.agent_type"), ("autonomous", "default"));
    let variable = "environment PORTCULLIS_ISSUERS__B__2__AUDIENCE";
    assert_eq!(source_of(&loaded, "issuers.b__2.audience"), ("gate", variable));
}

#[test]
fn errors_in_sections_with_free_names_have_place_key_value_and_remedy() {
    let with = |line: &str| error(&format!("{CORP}{line}\n"), &[]);
    assert_eq!(
        with("audiance = \"x\""),
        "portcullis.toml:4: unknown key issuers.corp.audiance; \
         did you mean issuers.corp.audience?"
    );
    assert_eq!(
        with("jwks_url = \"http://login.example.com/keys\""),
        "portcullis.toml:4: issuers.corp.jwks_url = \"http://login.example.com/keys\": expected \
         an https:// URL without credentials or fragment (http:// only on this host)"
    );
    assert_eq!(
        with("[issuers.twin]\naudience = \"x\"\nissuer = \"https://login.example.com/\""),
        "portcullis.toml:6: issuers.twin.issuer = \"https://login.example.com/\": \
         expected another one than issuers.corp.issuer"
    );
    assert_eq!(
        with("[auth]\nissuer = \"https://login.example.com/\""),
        "portcullis.toml:2: issuers.corp.issuer = \"https://login.example.com/\": \
         expected another one than auth.issuer"
    );
    assert!(with("[issuers.corp]").starts_with("portcullis.toml:4: not valid TOML"));
    for line in [
        "algorithms = \"RS256,HS256\"",
        "algorithms = \"RS256,\"",
        "algorithms = \"none\"",
        "role_map = \"corp\"",
        "role_map = \"=developer\"",
        "role_map = \"a=b,\"",
        "unknown_agents = \"maybe\"",
        "agent_type = [\"autonomous\"]",
    ] {
        assert!(with(line).starts_with("portcullis.toml:4: issuers.corp."), "{line}");
    }
}

#[test]
fn an_entry_is_named_and_whole_or_refused() {
    assert_eq!(
        error("\n[issuers.corp]\nissuer = \"https://a.example\"\n", &[]),
        "portcullis.toml:2: issuers.corp.audience is missing: \
         expected 1 to 200 bytes of text without control characters or outer spaces"
    );
    assert!(error("", &[("PORTCULLIS_ISSUERS__CORP__AUDIENCE", "x")]).starts_with(
        "environment PORTCULLIS_ISSUERS__CORP__AUDIENCE: issuers.corp.issuer is missing"
    ));
    for name in ["Corp", "_a", "\"a.b\"", "a-b", &"a".repeat(33)] {
        let text = error(&format!("[issuers.{name}]\n"), &[]);
        assert!(
            text.contains(": unknown section [issuers.") && text.contains("a-z, 0-9"),
            "{text}"
        );
    }
    assert_eq!(
        error("[issuers]\naudience = \"x\"\n", &[]),
        "portcullis.toml:2: unknown key issuers.audience; did you mean issuers.NAME.audience?"
    );
    assert_eq!(
        error("[isuers.corp]\n", &[]),
        "portcullis.toml:1: unknown section [isuers]; did you mean [issuers.NAME]?"
    );
    assert_eq!(
        error("", &[("PORTCULLIS_ISSUERS__CORP__ROLEMAP", "x")]),
        "environment PORTCULLIS_ISSUERS__CORP__ROLEMAP: unknown variable; \
         did you mean PORTCULLIS_ISSUERS__CORP__ROLE_MAP?"
    );
    for variable in [
        "PORTCULLIS_ISSUERS__A-B__AUDIENCE",
        "PORTCULLIS_ISSUERS__corp__AUDIENCE",
        "PORTCULLIS_ISSUERS__AUDIENCE",
        "PORTCULLIS_ISSUERS__",
    ] {
        let text = error("", &[(variable, "x")]);
        assert!(text.starts_with(&format!("environment {variable}: unknown variable")), "{text}");
    }
    assert!(load("[issuers]\n[provider_keys]\n", &[], &[]).unwrap().config.issuers.is_empty());
}

#[test]
fn only_hosts_that_cannot_be_overheard_are_issuers() {
    let issuer = |url: &str| {
        load(&CORP.replace("https://login.example.com/", url), &[], &[])
            .map(|loaded| loaded.config.issuers["corp"].issuer.clone())
    };
    for good in ["https://a.example", "http://localhost:1/x", "http://127.9.9.9", "http://[::1]:8/"]
    {
        assert_eq!(issuer(good).unwrap(), good);
    }
    for bad in [
        "http://a.example",
        "http://localhost.example",
        "http://10.0.0.1",
        "https://u:p@a.example",
        "https://a.example?x",
        "https://a.example#x",
        "https://a.example/ x",
        "ftp://a.example",
        "login",
    ] {
        assert!(issuer(bad).unwrap_err().contains("expected an https:// URL"), "{bad}");
    }
}

#[test]
fn a_provider_key_stands_in_exactly_one_place() {
    assert_eq!(
        error("[provider_keys.a]\n", &[]),
        "portcullis.toml:1: provider_keys.a.env is missing: \
         expected the name of a variable, or a path in provider_keys.a.file"
    );
    assert_eq!(
        error("[provider_keys.a]\nenv = \"A\"\nfile = \"f\"\n", &[]),
        "portcullis.toml:3: provider_keys.a.file = \"f\": \
         expected nothing, as provider_keys.a.env is set"
    );
    assert_eq!(
        error("[upstream]\napi_key_file = \"f\"\napi_key = \"sk-canary\"\n", &[]),
        "portcullis.toml:2: upstream.api_key_file = \"f\": \
         expected nothing, as upstream.api_key is set"
    );
    assert!(error("[provider_keys.a]\nenv = \"A B\"\n", &[]).contains("expected the name of"));
    assert!(error("[provider_keys.a]\nkey = \"sk\"\n", &[]).contains("unknown key"));
}

#[test]
fn a_variable_that_holds_a_provider_key_is_no_stranger() {
    let environment = [("PORTCULLIS_KEY_A", "sk-canary"), ("PORTCULLIS_KEY_B", "sk-canary")];
    let loaded =
        load("[provider_keys.a]\nenv = \"PORTCULLIS_KEY_A\"\n", &environment, &[]).unwrap();
    assert_eq!(loaded.warnings.len(), 1);
    assert!(loaded.warnings[0].contains("PORTCULLIS_KEY_B"));
    assert_eq!(source_of(&loaded, "provider_keys.a.env").0, "PORTCULLIS_KEY_A");
    assert!(!format!("{loaded:?}").contains("canary"));
}

#[test]
fn no_limit_is_written_as_zero() {
    let file = "[limits]\nrequests_per_minute = 60\nmonthly_requests = 0\n";
    let limits = load(file, &[], &[]).unwrap().config.limits;
    assert_eq!(limits.requests_per_minute, Some(60));
    assert_eq!((limits.monthly_requests, limits.concurrent_streams), (None, None));
    let text = error("[limits]\nconcurrent_streams = 4294967296\n", &[]);
    assert!(
        text.ends_with("expected a whole number from 0 to 4294967295, 0 for no limit"),
        "{text}"
    );
}

#[test]
fn the_public_url_and_unknown_endpoints_are_checked() {
    let file = "[server]\npublic_url = \"https://gate.example/\"\n\
                [endpoints]\nunknown = \"forward_unscreened\"\n";
    let config = load(file, &[], &[]).unwrap().config;
    assert_eq!(config.server.public_url.as_deref(), Some("https://gate.example"));
    assert_eq!(config.endpoints.unknown, UnknownEndpoints::ForwardUnscreened);
    assert!(error("[server]\npublic_url = \"gate\"\n", &[]).contains("https://gate.example.com"));
    assert!(
        error("[endpoints]\nunknown = \"allow\"\n", &[]).contains("deny or forward_unscreened")
    );
}

#[test]
fn how_detections_act_is_checked() {
    let config = load("", &[], &[]).unwrap().config.detection;
    assert_eq!((config.file.to_str(), config.held_bytes), (Some("detections.toml"), 65_536));
    assert_eq!(config.stream, StreamDetection::Inline);
    assert_eq!(config.blocked_status, BlockedStatus::Answer);
    assert!(config.correlation_key_file.is_none());
    let file = "[detection]\nstream = \"after\"\nblocked_status = 451\n";
    let config = load(file, &[], &[]).unwrap().config.detection;
    assert_eq!(config.stream, StreamDetection::After);
    assert_eq!(config.blocked_status, BlockedStatus::Refusal);
    for (line, expected) in [
        ("stream = \"late\"", "inline or after"),
        ("blocked_status = 403", "200 or 451"),
        ("held_bytes = 1023", "a whole number from 1024 to 16777216"),
    ] {
        let error = error(&format!("[detection]\n{line}\n"), &[]);
        assert!(error.contains(expected), "{error}");
    }
}
