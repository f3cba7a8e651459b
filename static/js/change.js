// What an administrator changed, as a record tells it. Pure.

export const isChange = (record) => record.surface === "admin";

/** `agent.suspended` of `agent/bot` as people say it: "Agent suspended: bot"; `names` are those of ids. */
export function changeText({ action, target }, names = new Map()) {
  // Some are named after what was changed, not after what was done.
  const deed = action.replace(/\.(roles|limits|secret)$/, "$& changed").replace("key.expires", "key end changed");
  const words = deed.replaceAll(/[._]/g, " ");
  const id = (target ?? "").replace(/^[^/]*\/?/, "");
  return `${words[0].toUpperCase()}${words.slice(1)}${id ? `: ${names.get(id) ?? id}` : ""}`;
}

/** What is different, as `[name, text]`. */
export function changedOf({ detail }) {
  const say = (value) => (value === null ? "none" : typeof value === "object" ? JSON.stringify(value) : String(value));
  return Object.entries(JSON.parse(detail ?? "{}")).map(([name, value]) => [name.replaceAll("_", " "), say(value)]);
}
