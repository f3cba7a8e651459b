//! When a token request waits for the store, and how long.

use super::*;
use crate::store::{NewAgent, StoreOptions};
use arc_swap::ArcSwap;
use std::time::Instant;

/// An owner of nobody, whose task does not follow unless a test lets it.
fn owner(directory: &tempfile::TempDir) -> Arc<Shared> {
    let data_dir = directory.path().to_owned();
    let options = StoreOptions { database_url: None, data_dir, pool_size: 2 };
    let store = Store::open(&options).unwrap();
    let key_files = KeyFiles::of(directory.path());
    let now = crate::clock::now();
    let keys = KeySet::new(key_files.load_or_create(now).unwrap());
    let tokens = Auth { issuer: "test".into(), audience: "test".into(), token_ttl_secs: 60 };
    let default_limits = CallerLimits::default();
    let settings = AuthSettings { tokens, default_limits, issuers: Vec::new(), key_files };
    let snapshot = AuthActor::load(&store, &settings, keys, now).unwrap();
    let published = Arc::new(ArcSwap::from_pointee(snapshot));
    let standings = watch::Sender::new(0);
    AuthActor::new(store, settings, published, standings, Line::new(LOOK_PATIENCE)).shared
}

#[actix_web::test]
async fn a_look_finds_an_agent_made_a_moment_ago() {
    let directory = tempfile::tempdir().unwrap();
    let shared = owner(&directory);
    let follower = Arc::clone(&shared);
    actix_web::rt::spawn(async move { follower.follow().await });
    for name in ["first", "second", "third"] {
        let new = NewAgent {
            id: uuid::Uuid::now_v7().to_string(),
            name: name.into(),
            agent_type: "autonomous".into(),
            client_id: name.into(),
            secret_hash: [0; 32],
            roles: Vec::new(),
            owner: None,
            identity: None,
            limits: Default::default(),
        };
        shared.store.create_agent(&new, "test", UnixMillis(1)).unwrap();
        shared.look_now().await;
        assert!(shared.published.load().by_client(name).is_some(), "{name}");
    }
}

#[actix_web::test]
async fn requests_wait_shortly_and_together_for_a_look_that_hangs() {
    let directory = tempfile::tempdir().unwrap();
    let shared = owner(&directory);
    let began = Instant::now();
    futures_util::future::join_all((0..20).map(|_| shared.look_now())).await;
    let waited = began.elapsed();
    assert!(waited >= LOOK_PATIENCE && waited < LOOK_PATIENCE * 3, "{waited:?}");
}

#[actix_web::test]
async fn nobody_waits_while_looks_fail() {
    let directory = tempfile::tempdir().unwrap();
    let shared = owner(&directory);
    shared.looks.send_modify(|looks| looks.failing = true);
    let began = Instant::now();
    shared.look_now().await;
    assert!(began.elapsed() < LOOK_PATIENCE / 3);
}
