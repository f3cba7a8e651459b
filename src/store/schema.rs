//! The tables as Diesel sees them, the same on both databases.
//!
//! Owns the column lists; the SQL that creates them is in `migrations/`. It must never be imported
//! outside the store.

mod audit;

pub(super) use audit::{
    audit_chains, audit_checkpoints, audit_findings, audit_keys, audit_order, audit_records,
    audit_set_aside, audit_sums, audited_changes,
};

use diesel::{allow_tables_to_appear_in_same_query, table};

table! {
    agents (id) {
        id -> Text,
        name -> Text,
        agent_type -> Text,
        client_id -> Text,
        secret_hash -> Binary,
        roles -> Text,
        owner -> Nullable<Text>,
        status -> Text,
        risk_score -> BigInt,
        created_at -> BigInt,
        updated_at -> BigInt,
        issuer -> Nullable<Text>,
        subject -> Nullable<Text>,
        requests_per_minute -> Nullable<BigInt>,
        monthly_requests -> Nullable<BigInt>,
        concurrent_streams -> Nullable<BigInt>,
        trust_score -> BigInt,
        calls -> BigInt,
        violations -> BigInt,
        last_violation_at -> Nullable<BigInt>,
        risk_at -> BigInt,
        recovered_at -> BigInt,
        quarantined_at -> Nullable<BigInt>,
        quarantine_reason -> Nullable<Text>,
    }
}

table! {
    app_contexts (id) {
        id -> Text,
        name -> Text,
        allowed_models -> Text,
        provider_key -> Nullable<Text>,
        requests_per_minute -> Nullable<BigInt>,
        monthly_requests -> Nullable<BigInt>,
        concurrent_streams -> Nullable<BigInt>,
        created_at -> BigInt,
        updated_at -> BigInt,
        revoked_at -> Nullable<BigInt>,
        detectors -> Text,
    }
}

table! {
    detection_keys (id) {
        id -> Text,
        key_hash -> Binary,
        last4 -> Text,
        app_context_id -> Text,
        agent_id -> Text,
        created_at -> BigInt,
        expires_at -> Nullable<BigInt>,
        revoked_at -> Nullable<BigInt>,
    }
}

table! {
    revoked_sessions (agent_id, session_id) {
        agent_id -> Text,
        session_id -> Text,
        expires_at -> BigInt,
    }
}

table! {
    verifying_keys (kid) {
        kid -> Text,
        public_key -> Text,
        node -> Text,
        created_at -> BigInt,
        verify_until -> Nullable<BigInt>,
    }
}

table! {
    usage_counts (kind, id, month) {
        kind -> Text,
        id -> Text,
        month -> BigInt,
        requests -> BigInt,
        minute_used -> BigInt,
        at -> BigInt,
    }
}

table! {
    policy_versions (id) {
        id -> BigInt,
        version -> Text,
        text -> Text,
        author -> Text,
        reason -> Nullable<Text>,
        at -> BigInt,
        added -> BigInt,
        removed -> BigInt,
    }
}

table! {
    detection_versions (id) {
        id -> BigInt,
        version -> Text,
    }
}

table! {
    objects (id) {
        id -> Text,
        kind -> Text,
        agent_id -> Text,
        app_context -> Nullable<Text>,
        created_at -> BigInt,
        models -> Nullable<Text>,
        endpoint -> Nullable<Text>,
    }
}

table! {
    users (username) {
        username -> Text,
        role -> Text,
        password_hash -> Text,
        created_at -> BigInt,
        updated_at -> BigInt,
        source -> Text,
        disabled -> Bool,
        configured -> Bool,
        issuer -> Nullable<Text>,
        subject -> Nullable<Text>,
        last_sign_in_at -> Nullable<BigInt>,
    }
}

table! {
    sessions (token_hash) {
        token_hash -> Binary,
        username -> Text,
        created_at -> BigInt,
        expires_at -> BigInt,
        last_used_at -> BigInt,
    }
}

allow_tables_to_appear_in_same_query!(users, sessions);

table! {
    oidc_sign_ins (nonce_hash) {
        nonce_hash -> Binary,
        expires_at -> BigInt,
    }
}

table! {
    changes (seq) {
        seq -> BigInt,
        at -> BigInt,
        kind -> Text,
        subject -> Text,
        actor -> Text,
        detail -> Text,
    }
}

table! {
    anonymous_counts (address, minute, code) {
        address -> Text,
        minute -> BigInt,
        code -> Text,
        count -> BigInt,
    }
}

table! {
    records (id) {
        position -> BigInt,
        id -> Text,
        started_at -> BigInt,
        agent_id -> Nullable<Text>,
        agent_name -> Nullable<Text>,
        agent_type -> Nullable<Text>,
        roles -> Text,
        permission -> Nullable<Text>,
        session_id -> Nullable<Text>,
        app_context -> Nullable<Text>,
        surface -> Text,
        tool_name -> Text,
        mcp_server -> Text,
        action -> Text,
        target -> Text,
        endpoint -> Nullable<Text>,
        model -> Nullable<Text>,
        response_model -> Nullable<Text>,
        message_count -> Nullable<BigInt>,
        has_system_prompt -> Nullable<Bool>,
        has_tools -> Nullable<Bool>,
        tool_names -> Text,
        stream -> Nullable<Bool>,
        policy_result -> Nullable<Text>,
        policy_rule -> Nullable<Text>,
        policy_version -> Nullable<Text>,
        policy_reason -> Nullable<Text>,
        findings -> Text,
        scan_extent -> Text,
        scan_reason -> Nullable<Text>,
        tools_removed -> Text,
        trust_score -> Nullable<BigInt>,
        risk_score -> Nullable<BigInt>,
        status_code -> Nullable<BigInt>,
        error_code -> Nullable<Text>,
        finish_reason -> Nullable<Text>,
        input_tokens -> Nullable<BigInt>,
        output_tokens -> Nullable<BigInt>,
        usage_source -> Nullable<Text>,
        latency_ms -> Nullable<BigInt>,
        time_to_first_byte_ms -> Nullable<BigInt>,
        gateway_us -> Nullable<BigInt>,
        request_bytes -> Nullable<BigInt>,
        response_bytes -> Nullable<BigInt>,
        outcome -> Nullable<Text>,
        node -> Text,
        seq -> Nullable<BigInt>,
        previous_hash -> Nullable<Text>,
        event_hash -> Nullable<Text>,
        detection_version -> Nullable<Text>,
        risk_tier -> Nullable<Text>,
    }
}
