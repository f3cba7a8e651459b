//! The tables of the record.
//!
//! Owns their column lists, the same on both databases.

use diesel::table;

table! {
    audit_records (position) {
        position -> BigInt,
        id -> Text,
        started_at -> BigInt,
        agent_id -> Nullable<Text>,
        agent_name -> Nullable<Text>,
        agent_type -> Nullable<Text>,
        roles -> Text,
        permission -> Nullable<Text>,
        session_id -> Nullable<Text>,
        token_id -> Nullable<Text>,
        app_context -> Nullable<Text>,
        actor -> Nullable<Text>,
        detail -> Nullable<Text>,
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
        detection_version -> Nullable<Text>,
        tools_removed -> Text,
        trust_score -> Nullable<BigInt>,
        risk_score -> Nullable<BigInt>,
        risk_tier -> Nullable<Text>,
        status_code -> Nullable<BigInt>,
        error_code -> Nullable<Text>,
        finish_reason -> Nullable<Text>,
        input_tokens -> Nullable<BigInt>,
        output_tokens -> Nullable<BigInt>,
        cached_tokens -> Nullable<BigInt>,
        reasoning_tokens -> Nullable<BigInt>,
        usage_source -> Nullable<Text>,
        latency_ms -> Nullable<BigInt>,
        time_to_first_byte_ms -> Nullable<BigInt>,
        gateway_us -> Nullable<BigInt>,
        request_bytes -> Nullable<BigInt>,
        response_bytes -> Nullable<BigInt>,
        outcome -> Nullable<Text>,
        receipt_hash -> Nullable<Binary>,
        node -> Text,
        seq -> BigInt,
        previous_hash -> Binary,
        event_hash -> Binary,
    }
}

table! {
    audit_order (one) {
        one -> BigInt,
        last_position -> BigInt,
    }
}

table! {
    audit_checkpoints (node, seq, kind) {
        node -> Text,
        seq -> BigInt,
        kind -> Text,
        signed_at -> BigInt,
        document -> Text,
    }
}

table! {
    audit_keys (key_id) {
        key_id -> Text,
        public_key -> Text,
        node -> Text,
        created_at -> BigInt,
    }
}

table! {
    audit_set_aside (position) {
        position -> BigInt,
        id -> Text,
        node -> Text,
        seq -> BigInt,
        reason -> Text,
        document -> Binary,
    }
}

table! {
    audited_changes (one) {
        one -> BigInt,
        seq -> BigInt,
        id -> Text,
    }
}

table! {
    audit_chains (node) {
        node -> Text,
        seq -> BigInt,
        event_hash -> Binary,
    }
}

table! {
    audit_findings (rule, position, finding_type) {
        rule -> Text,
        position -> BigInt,
        finding_type -> Text,
        first_of_type -> BigInt,
        severity -> Text,
        count -> BigInt,
    }
}

table! {
    audit_sums (width, bucket, agent_name, model, app_context, endpoint) {
        width -> BigInt,
        bucket -> BigInt,
        agent_name -> Text,
        model -> Text,
        app_context -> Text,
        endpoint -> Text,
        calls -> BigInt,
        denied -> BigInt,
        blocked -> BigInt,
        failed -> BigInt,
        findings -> BigInt,
        input_tokens -> BigInt,
        output_tokens -> BigInt,
        cached_tokens -> BigInt,
        reasoning_tokens -> BigInt,
        latency_ms -> BigInt,
        gateway_us -> BigInt,
        latency_slots -> Nullable<Text>,
        gateway_slots -> Nullable<Text>,
    }
}
