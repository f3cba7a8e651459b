// What the viewer wants to see. Owns the filter's fields and its test of a record. Pure.

/** The fields, as they are named in the address. */
export const FIELDS = ["q", "agent", "model", "result", "outcome"];

/** Reads the filter out of the address. */
export function read(params) {
  return Object.fromEntries(FIELDS.map((name) => [name, params.get(name) ?? ""]));
}

export const isEmpty = (filter) => FIELDS.every((name) => filter[name] === "");
export const isSame = (a, b) => FIELDS.every((name) => a[name] === b[name]);

/** The part that the server filters by. Text and `running` are ours alone. */
export function forServer({ agent, model, result, outcome }) {
  return { agent, model, policy_result: result, outcome: outcome === "running" ? "" : outcome };
}

/** A test of a record. */
export function test(filter) {
  const words = filter.q.toLowerCase().split(/\s+/).filter(Boolean);
  const outcome = filter.outcome === "running" ? null : filter.outcome;
  return (record) =>
    (filter.agent === "" || record.agent_name === filter.agent || record.agent_id === filter.agent) &&
    (filter.model === "" || record.model === filter.model) &&
    (filter.result === "" || record.policy_result === filter.result) &&
    (outcome === "" || record.outcome === outcome) &&
    (words.length === 0 || hasWords(record, words));
}

function hasWords(record, words) {
  const text = [
    record.id, record.agent_name, record.agent_id, record.agent_type, record.model, record.endpoint,
    record.target, record.action, record.status_code, record.error_code, record.outcome,
    record.policy_result, record.policy_rule, record.finish_reason, record.app_context, record.node,
    record.roles?.join(" "), record.tool_names?.join(" "),
    record.findings?.map((finding) => [finding.type, finding.rule, finding.severity].join(" ")).join(" "),
    record.tools_removed?.join(" "), record.risk_tier && `risk:${record.risk_tier}`,
  ].join("\n").toLowerCase();
  return words.every((word) => text.includes(word));
}

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;

/** The id of an exchange, when the text is one. */
export const asId = (text) => (UUID.test(text.trim()) ? text.trim().toLowerCase() : null);
