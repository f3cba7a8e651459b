// The dialog for a rule of one's own: what to look for, what to do, and the texts that prove it. What the gate finds
// wrong stands under the field that it is about.

import { el } from "../dom.js";
import { banner, form, openDialog } from "../ui.js";
import { ACTIONS, CLASSES, SEVERITIES } from "./rules.js";

// A control called "id" or "matches" would hide what every form has under that name.
const KEYS = { rule_id: "id", found_in: "matches", not_found_in: "misses" };
const FIELDS = [
  { name: "rule_id", label: "Id", required: true, hint: "a-z, 0-9 and -, such as acme-codename", maxlength: 64 },
  { name: "type", label: "Type", required: true, hint: "What findings and [REDACTED:TYPE] are called, such as ACME_CODENAME", maxlength: 64 },
  { name: "pattern", label: "Pattern", required: true, hint: "A regular expression of bounded length, such as (?i)project nightjar" },
  { name: "class", label: "Class", type: "select", options: CLASSES, value: "NONE" },
  { name: "severity", label: "Severity", type: "select", options: SEVERITIES, value: "MEDIUM" },
  { name: "action", label: "Action", type: "select", options: ACTIONS, value: "log" },
  { name: "lifecycle", label: "Way", type: "choices", options: [["INGRESS", "to the provider"], ["EGRESS", "back to the caller"]], value: ["INGRESS", "EGRESS"], required: true },
  { name: "found_in", label: "Must be found in", type: "list", rows: 3, required: true, hint: "One text a line. The rule is tried on them before it acts." },
  { name: "not_found_in", label: "Must not be found in", type: "list", rows: 3, required: true, hint: "One text a line" },
  { name: "description", label: "Description" },
  { name: "reason", label: "Reason", required: true, maxlength: 256 },
];

/** `send(rule)` sends it; its errors are shown. */
export function openAdd(send) {
  const asked = form({ fields: FIELDS });
  const rest = el("div");
  const { node } = openDialog({ title: "Add a rule", wide: true, body: [asked.node, rest], actions: [{ label: "Add the rule", kind: "primary", run: async () => {
    rest.replaceChildren();
    const rule = asked.value();
    if (rule === null) return false;
    const filled = Object.entries(rule).filter(([, value]) => value !== "").map(([name, value]) => [KEYS[name] ?? name, value]);
    try {
      await send(Object.fromEntries(filled));
    } catch (error) {
      const own = {};
      const others = [];
      for (const { field, reason, remedy } of errorsOf(error)) {
        const text = [reason, remedy].filter(Boolean).join("; ");
        const name = FIELDS.find((each) => (KEYS[each.name] ?? each.name) === field)?.name;
        if (name) own[name] = [own[name], text].filter(Boolean).join(" ");
        else others.push(banner("bad", text));
      }
      asked.setErrors(own);
      rest.replaceChildren(...others);
      return false;
    }
  } }] });
  node.id = "add-rule";
  asked.node.classList.add("add-rule");
}

/** What is wrong, and with which field of the rule. */
const errorsOf = ({ message, code, detail }) => detail?.errors ?? [{ field: code === "already_exists" ? "id" : null, reason: message }];
