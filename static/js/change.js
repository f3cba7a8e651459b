// What an administrator changed, as a record tells it. Pure.

export const isChange = (record) => record.surface === "admin";

/** `agent.suspended` of `agent/bot` as people say it: "Agent suspended: bot"; `names` are those of ids. */
export function changeText({ action, target }, names = new Map()) {
  const words = action.replaceAll(/[._]/g, " ");
  const id = (target ?? "").replace(/^[^/]*\/?/, "");
  return `${words[0].toUpperCase()}${words.slice(1)}${id ? `: ${names.get(id) ?? id}` : ""}`;
}

/** What is different, as `[name, text]`. */
export function changedOf({ detail }) {
  const say = (value) => (value === null ? "none" : typeof value === "object" ? JSON.stringify(value) : String(value));
  return Object.entries(JSON.parse(detail ?? "{}")).map(([name, value]) => [name.replaceAll("_", " "), say(value)]);
}
