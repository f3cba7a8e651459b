//! Who is let in, and who may stay.

use super::*;
use crate::bus::auth::QuarantineAgent;
use crate::config::{Inputs, resolve};
use crate::identity::SigningKey;
use crate::store::ExternalIdentity;
use crate::trust::{Conclusion, Reputation};

const NOW: UnixMillis = UnixMillis(1_000_000);

fn agent(id: &str, status: AgentStatus) -> Agent {
    Agent {
        id: id.into(),
        name: format!("agent-{id}"),
        agent_type: "interactive".into(),
        client_id: format!("client-{id}"),
        secret_hash: [0; 32],
        roles: vec!["developer".into()],
        owner: None,
        identity: Some(ExternalIdentity { issuer: "corp".into(), subject: format!("sub-{id}") }),
        limits: CallerLimits::default(),
        status,
        quarantine: None,
        reputation: Reputation::default(),
        last_call_at: None,
        created_at: NOW,
        updated_at: NOW,
    }
}

fn key(id: &str, agent: &str, context: &str, hash: u8) -> DetectionKey {
    DetectionKey {
        id: id.into(),
        key_hash: [hash; 32],
        last4: "abcd".into(),
        app_context_id: context.into(),
        agent_id: agent.into(),
        created_at: NOW,
        expires_at: None,
        revoked_at: None,
    }
}

fn context(id: &str, revoked_at: Option<UnixMillis>) -> AppContextRow {
    AppContextRow {
        id: id.into(),
        name: id.into(),
        allowed_models: vec!["gpt-4o*".into()],
        provider_key: None,
        detectors: Vec::new(),
        limits: CallerLimits::default(),
        created_at: NOW,
        updated_at: NOW,
        revoked_at,
        last_call_at: None,
    }
}

fn seen() -> Seen {
    Seen {
        change: 1,
        agents: vec![agent("good", AgentStatus::Active), agent("resting", AgentStatus::Suspended)],
        app_contexts: vec![context("ac_1", None), context("ac_gone", Some(NOW))],
        detection_keys: vec![
            key("key_good", "good", "ac_1", 1),
            DetectionKey { expires_at: Some(NOW), ..key("key_over", "good", "ac_1", 2) },
            DetectionKey { revoked_at: Some(NOW), ..key("key_revoked", "good", "ac_1", 3) },
            key("key_resting", "resting", "ac_1", 4),
            key("key_gone", "good", "ac_gone", 5),
            key("key_of_nobody", "nobody", "ac_1", 6),
        ],
        ..Seen::default()
    }
}

fn terms() -> Terms {
    let inputs = Inputs { file: None, environment: &[], overrides: &[], host_name: "h" };
    let trust = Arc::new(resolve(&inputs).unwrap().config.trust);
    Terms { limits: CallerLimits::default(), trust }
}

fn first(seen: Seen) -> AuthSnapshot {
    let keys = Arc::new(KeySet::new(SigningKey::generate().unwrap()));
    AuthSnapshot::first(seen, keys, Arc::default(), &terms(), &[], NOW)
}

fn next(snapshot: &AuthSnapshot, seen: Seen) -> AuthSnapshot {
    snapshot.next(seen, Arc::clone(&snapshot.keys), &terms(), NOW)
}

fn by_key(snapshot: &AuthSnapshot, hash: u8) -> Result<Authenticated, AuthError> {
    snapshot.admit_key(snapshot.detection_key(&[hash; 32]).ok_or(AuthError::Invalid)?, NOW)
}

#[test]
fn each_state_of_a_detection_key_has_its_answer() {
    let snapshot = first(seen());
    let principal = by_key(&snapshot, 1).unwrap().principal;
    assert_eq!(&*principal.session_id, "key_good");
    assert_eq!(principal.surface, Surface::DetectionKey);
    assert_eq!(principal.app_context.as_ref().map(|it| &*it.id), Some("ac_1"));
    assert!(matches!(by_key(&snapshot, 2), Err(AuthError::Expired)));
    assert!(matches!(by_key(&snapshot, 3), Err(AuthError::Invalid)));
    let resting = by_key(&snapshot, 4);
    assert!(matches!(resting, Err(AuthError::Standing { status: AgentStatus::Suspended, .. })));
    for unknown in [5, 6, 7] {
        assert!(matches!(by_key(&snapshot, unknown), Err(AuthError::Invalid)), "{unknown}");
    }
}

#[test]
fn a_caller_stays_until_an_administrator_says_otherwise() {
    let snapshot = first(seen());
    let token = |snapshot: &AuthSnapshot| {
        let standing = snapshot.agent("good").unwrap();
        snapshot
            .admit(standing, "session".into(), IdentityStrength::Standard, &[])
            .unwrap()
            .principal
    };
    let (by_token, by_key) = (token(&snapshot), by_key(&snapshot, 1).unwrap().principal);
    let check = |change: &dyn Fn(&mut Seen)| {
        let mut seen = seen();
        change(&mut seen);
        let later = next(&snapshot, seen);
        (later.recheck(&by_token, NOW).is_ok(), later.recheck(&by_key, NOW).is_ok())
    };
    assert_eq!(check(&|_| {}), (true, true));
    assert_eq!(check(&|seen| seen.agents[0].status = AgentStatus::Revoked), (false, false));
    assert_eq!(check(&|seen| seen.detection_keys[0].revoked_at = Some(NOW)), (true, false));
    assert_eq!(check(&|seen| seen.detection_keys[0].expires_at = Some(NOW)), (true, true));
    assert_eq!(check(&|seen| seen.app_contexts[0].revoked_at = Some(NOW)), (true, false));
    let revoked = |seen: &mut Seen| {
        seen.revoked_sessions.push(RevokedSession {
            agent_id: "good".into(),
            session_id: "session".into(),
            expires_at: NOW,
        });
    };
    assert_eq!(check(&revoked), (false, true));
}

#[test]
fn meters_keep_their_counts_when_limits_change() {
    let snapshot = first(seen());
    let limited = |limit| CallerLimits { monthly_requests: Some(limit), ..CallerLimits::default() };
    let meter = Arc::clone(&snapshot.agent("good").unwrap().meter);
    assert!(meter.enter(NOW).is_ok() && meter.enter(NOW).is_ok());
    let mut changed = seen();
    changed.agents[0].limits = limited(2);
    let later = next(&snapshot, changed);
    assert!(later.version > snapshot.version);
    assert!(later.agent("good").unwrap().meter.enter(NOW).is_err());
    let unchanged = next(&later, seen());
    assert!(unchanged.agent("good").unwrap().meter.enter(NOW).is_ok());
}

#[test]
fn roles_of_a_token_add_to_the_stored_ones() {
    let snapshot = first(seen());
    let standing = snapshot.by_subject("corp", "sub-good").unwrap();
    let more = ["developer".into(), "operator".into()];
    let principal = snapshot.admit(standing, "s".into(), IdentityStrength::Verified, &more);
    let principal = principal.unwrap().principal;
    let roles: Vec<&str> = principal.roles.iter().map(AsRef::as_ref).collect();
    assert_eq!(roles, ["developer", "operator"]);
    assert_eq!(&*principal.subject, "agent-good\ntype:interactive\ndeveloper\noperator");
    assert!(snapshot.by_subject("other", "sub-good").is_none());
}

#[test]
fn a_quarantine_is_in_force_until_the_store_has_taken_it_and_then_says_otherwise() {
    let snapshot = first(seen());
    let by_token = snapshot.agent("good").unwrap().principal("session".into(), &[]);
    let quarantine = |agent_id: &str| QuarantineAgent {
        agent_id: agent_id.into(),
        reason: "rule r: SECRET_JWT".into(),
        rule: None,
    };
    let held = snapshot.with_quarantine(quarantine("good"), NOW);
    let is_held = |snapshot: &AuthSnapshot| {
        let status = [
            snapshot.agent("good").unwrap().status,
            snapshot.by_client("client-good").unwrap().status,
            snapshot.by_subject("corp", "sub-good").unwrap().status,
            snapshot.detection_key(&[1; 32]).unwrap().status,
        ];
        let is_held = snapshot.recheck(&by_token, NOW).is_err();
        let expected = if is_held { AgentStatus::Quarantined } else { AgentStatus::Active };
        assert_eq!(status, [expected; 4]);
        is_held
    };
    assert!(held.version > snapshot.version);
    assert!(!is_held(&snapshot) && is_held(&held));
    assert!(is_held(&next(&held, seen())), "the store does not know it yet");
    let written = held.without_unwritten("good");
    assert!(is_held(&written) && written.unwritten.is_empty());
    assert!(!is_held(&next(&written, seen())), "an administrator has lifted it");
    assert!(snapshot.with_quarantine(quarantine("nobody"), NOW).unwritten.is_empty());

    let mut revoked = seen();
    revoked.agents[0].status = AgentStatus::Revoked;
    let revoked = next(&held, revoked);
    assert_eq!(revoked.agent("good").unwrap().status, AgentStatus::Revoked);
    assert!(revoked.unwritten.is_empty());
}

#[test]
fn ledgers_keep_what_is_not_yet_saved_and_identities_bound_what_counts() {
    let snapshot = first(seen());
    let key = by_key(&snapshot, 1).unwrap();
    let clean = Conclusion { completed: true, ..Conclusion::default() };
    assert_eq!(key.conduct.note(&"s".into(), &clean, NOW).trust_score, 10);
    let mut changed = seen();
    changed.agents[0].reputation.trust_score = 4_000;
    let later = next(&snapshot, changed);
    assert_eq!(later.agent("good").unwrap().ledger.reputation().trust_score, 4_010);
    assert_eq!(key.conduct.trust_score(), 2_500, "a caller that was let in before sees it too");
    let standing = later.agent("good").unwrap();
    let external = later.admit(standing, "s".into(), IdentityStrength::Verified, &[]).unwrap();
    assert_eq!(external.conduct.trust_score(), 4_010);
}
