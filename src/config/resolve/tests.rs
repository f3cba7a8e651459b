//! Layers, sources, and the one-line errors.

use super::*;

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
        "portcullis.toml:2: server.bind = (array): expected a text, a whole number, true or false"
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
