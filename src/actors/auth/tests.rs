//! What the owner learns from the store and when, and whom it names.

use super::*;
use crate::bus::auth::{AuthError, Authenticate, Credential, Lacking};
use crate::config::{Inputs, IssuerSettings, UnknownAgents, resolve};
use crate::identity::{Claims, SigningKey, issue, secret};
use crate::store::{NewAgent, StoreOptions};
use crate::types::{CallerLimits, Sensitive};
use actix::Addr;
use arc_swap::ArcSwap;
use std::time::Instant;

pub(super) const PATIENCE: Duration = Duration::from_millis(300);
/// For what comes about, however much else the machine does.
pub(super) const LONG: Duration = Duration::from_secs(10);

/// An owner of nobody, whose task does not follow unless a test lets it.
pub(super) fn owner(directory: &tempfile::TempDir) -> Arc<Shared> {
    let data_dir = directory.path().to_owned();
    let options = StoreOptions { database_url: None, data_dir, pool_size: 2 };
    let store = Store::open(&options).unwrap();
    let key_files = KeyFiles::of(directory.path());
    let now = crate::clock::now();
    let keys = KeySet::new(key_files.load_or_create(now).unwrap());
    let tokens = Auth { issuer: "test".into(), audience: "test".into(), token_ttl_secs: 60 };
    let limits = CallerLimits::default();
    let trust = Arc::new(trust());
    let terms = Terms { limits, trust };
    let issuers = vec![ExternalIssuer::of("corp", &corp()).unwrap()];
    let settings = AuthSettings { tokens, terms, issuers, key_files };
    let snapshot = AuthActor::load(&store, &settings, keys, now).unwrap();
    let published = Arc::new(ArcSwap::from_pointee(snapshot));
    let standings = watch::Sender::new(0);
    let policy =
        PolicyLines { list_permissions: Line::new(PATIENCE), check_grants: Line::new(PATIENCE) };
    AuthActor::new(store, settings, published, standings, policy).shared
}

/// The settings that nobody changed.
fn trust() -> crate::config::Trust {
    let inputs = Inputs { file: None, environment: &[], overrides: &[], host_name: "h" };
    resolve(&inputs).unwrap().config.trust
}

fn corp() -> IssuerSettings {
    IssuerSettings {
        issuer: "https://corp.example".into(),
        audience: "test".into(),
        jwks_url: None,
        algorithms: vec!["ES256".into()],
        agent_claim: "sub".into(),
        roles_claim: "roles".into(),
        role_map: vec![("ops".into(), "corp.mapped".into())],
        agent_type: "autonomous".into(),
        unknown_agents: UnknownAgents::Create,
        ca_file: None,
    }
}

pub(super) fn follow(shared: &Arc<Shared>) {
    let follower = Arc::clone(shared);
    actix_web::rt::spawn(async move { follower.follow().await });
}

/// A policy that grants something to `corp.granted` alone.
struct Grants;

impl Actor for Grants {
    type Context = Context<Self>;
}

impl Handler<CheckGrants> for Grants {
    type Result = bool;

    fn handle(&mut self, message: CheckGrants, _: &mut Self::Context) -> Self::Result {
        message.name == "corp.granted"
    }
}

/// An agent's id.
pub(super) fn register(shared: &Shared, name: &str, roles: &[&str]) -> String {
    let id = uuid::Uuid::now_v7().to_string();
    let new = NewAgent {
        id: id.clone(),
        name: name.into(),
        agent_type: "autonomous".into(),
        client_id: name.into(),
        secret_hash: secret::hash("x"),
        roles: roles.iter().map(ToString::to_string).collect(),
        owner: None,
        identity: None,
        limits: CallerLimits::default(),
    };
    shared.store.create_agent(&new, "test", UnixMillis(1)).unwrap();
    id
}

async fn complete_agent(shared: &Shared, subject: &str) -> Result<(), IssuerUnavailable> {
    let lacking = Lacking::Agent { issuer: "corp".into(), subject: subject.into() };
    shared.complete(lacking).await
}

fn name_of(shared: &Shared, subject: &str) -> String {
    let snapshot = shared.published.load();
    snapshot.by_subject("corp", subject).unwrap().agent_name.to_string()
}

#[actix_web::test]
async fn a_look_finds_an_agent_made_a_moment_ago() {
    let directory = tempfile::tempdir().unwrap();
    let shared = owner(&directory);
    follow(&shared);
    for name in ["first", "second", "third"] {
        register(&shared, name, &[]);
        assert!(shared.look_now(LONG).await);
        assert!(shared.published.load().by_client(name).is_some(), "{name}");
    }
}

#[actix_web::test]
async fn requests_wait_shortly_and_together_for_a_look_that_hangs() {
    let directory = tempfile::tempdir().unwrap();
    let shared = owner(&directory);
    let began = Instant::now();
    let looked = futures_util::future::join_all((0..20).map(|_| shared.look_now(PATIENCE))).await;
    let waited = began.elapsed();
    assert!(waited >= PATIENCE && waited < PATIENCE * 10, "{waited:?}");
    assert!(!looked.contains(&true));
}

#[actix_web::test]
async fn nobody_waits_while_looks_fail() {
    let directory = tempfile::tempdir().unwrap();
    let shared = owner(&directory);
    shared.looks.send_modify(|looks| looks.failing = true);
    let began = Instant::now();
    assert!(!shared.look_now(PATIENCE).await);
    assert!(began.elapsed() < PATIENCE);
}

#[actix_web::test]
async fn a_signing_key_whose_file_has_gone_stays_and_no_other_is_made() {
    let directory = tempfile::tempdir().unwrap();
    let shared = owner(&directory);
    let kid = shared.published.load().keys.current().kid().to_owned();
    std::fs::remove_dir_all(directory.path().join("keys")).unwrap();
    follow(&shared);
    register(&shared, "bot", &[]);
    assert!(shared.look_now(LONG).await);
    assert!(shared.published.load().by_client("bot").is_some());
    assert_eq!(shared.published.load().keys.current().kid(), kid);
    assert!(!directory.path().join("keys").exists());
}

/// A token of this agent as the gateway with this key issues it.
fn token(shared: &Shared, key: SigningKey, agent_id: &str, iss: &str) -> Credential {
    let iat = crate::clock::now().as_secs();
    let claims = Claims {
        iss: iss.into(),
        sub: agent_id.into(),
        aud: shared.settings.tokens.audience.clone(),
        client_id: "bot".into(),
        iat,
        exp: iat + 60,
        jti: uuid::Uuid::now_v7().to_string(),
        roles: Vec::new(),
        permissions: Vec::new(),
        risk_tier: "low".into(),
    };
    let token = issue(&KeySet::new(key), &claims).unwrap();
    Credential::AgentToken(Sensitive::new(token.expose().as_str().into()))
}

async fn show(desk: &Addr<AuthDesk>, credential: &Credential) -> Result<(), AuthError> {
    let credential = credential.clone();
    desk.send(Authenticate { credential }).await.unwrap().map(|_caller| ())
}

#[actix_web::test]
async fn a_key_that_another_gateway_made_a_moment_ago_is_looked_for_before_it_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let shared = owner(&directory);
    let agent_id = register(&shared, "bot", &[]);
    follow(&shared);
    assert!(shared.look_now(LONG).await);
    let desk = AuthDesk::new(Arc::clone(&shared.published), shared.settings.tokens.clone()).start();

    let key = SigningKey::generate().unwrap();
    shared.store.register_key(key.kid(), &key.jwk(), "other", "test", UnixMillis(1)).unwrap();
    let credential = token(&shared, key, &agent_id, "test");
    let lacking = show(&desk, &credential).await;
    assert!(matches!(lacking, Err(AuthError::Lacking(Lacking::OwnKey))), "{lacking:?}");
    shared.complete(Lacking::OwnKey).await.unwrap();
    assert!(show(&desk, &credential).await.is_ok());

    let nobodys = token(&shared, SigningKey::generate().unwrap(), &agent_id, "test");
    shared.complete(Lacking::OwnKey).await.unwrap();
    let lacking = show(&desk, &nobodys).await;
    assert!(matches!(lacking, Err(AuthError::Lacking(Lacking::OwnKey))), "{lacking:?}");
    let strangers = token(&shared, SigningKey::generate().unwrap(), &agent_id, "stranger");
    assert!(matches!(show(&desk, &strangers).await, Err(AuthError::Invalid)));
}

#[actix_web::test]
async fn a_subject_is_called_nothing_that_means_something_already() {
    let directory = tempfile::tempdir().unwrap();
    let shared = owner(&directory);
    shared.policy.check_grants.seat(Grants.start().recipient());
    register(&shared, "corp.taken", &["corp.held"]);
    follow(&shared);
    assert!(shared.look_now(LONG).await);
    for subject in ["granted", "mapped", "taken", "held", "free"] {
        complete_agent(&shared, subject).await.unwrap();
        let (name, plain) = (name_of(&shared, subject), format!("corp.{subject}"));
        assert!(name.starts_with(&plain), "{name}");
        assert_eq!(name == plain, subject == "free", "{name}");
    }
}

#[actix_web::test]
async fn without_the_policys_word_no_subject_becomes_an_agent() {
    let directory = tempfile::tempdir().unwrap();
    let shared = owner(&directory);
    follow(&shared);
    assert!(complete_agent(&shared, "alice").await.is_err());
    assert!(shared.store.agents().unwrap().is_empty());
}

#[actix_web::test]
async fn many_new_subjects_are_read_together() {
    let directory = tempfile::tempdir().unwrap();
    let shared = owner(&directory);
    shared.policy.check_grants.seat(Grants.start().recipient());
    follow(&shared);
    let subjects: Vec<String> = (0..40).map(|number| format!("{}", number / 2)).collect();
    let all = subjects.iter().map(|subject| complete_agent(&shared, subject));
    assert!(futures_util::future::join_all(all).await.iter().all(Result::is_ok));
    for subject in &subjects {
        assert_eq!(name_of(&shared, subject), format!("corp.{subject}"));
    }
    assert_eq!(shared.store.agents().unwrap().len(), 20);
    assert!(shared.published.load().version < 20, "{}", shared.published.load().version);
}

#[actix_web::test]
async fn gateways_with_one_store_learn_what_the_others_counted() {
    let directory = tempfile::tempdir().unwrap();
    let id = register(&owner(&directory), "bot", &[]);
    let (one, other) = (owner(&directory), owner(&directory));
    let now = crate::clock::now();
    let meter = |shared: &Shared| Arc::clone(&shared.published.load().agent(&id).unwrap().meter);
    let count = async |shared: &Shared, requests: u64| {
        (0..requests).for_each(|_| meter(shared).enter(now).unwrap());
        shared.save_usage().await;
        meter(shared).used(now).requests
    };
    assert_eq!(count(&one, 3).await, 3);
    assert_eq!(count(&other, 2).await, 5);
    assert_eq!(count(&one, 1).await, 6);
    assert_eq!(count(&other, 1).await, 7);
    assert_eq!(one.store.usage(month_of(now)).unwrap()[0].requests, 7);
}
