// What the activity page shows before there is anything to show: how to make the first call.

import { el } from "../dom.js";
import { codeBlock } from "../ui.js";

export function createWelcome({ sandbox }) {
  const snippet = firstCall(location.origin, sandbox);
  return el("section", { class: "welcome", id: "empty", aria: { labelledby: "empty-title" } },
    el("h2", { id: "empty-title" }, "No calls yet"),
    el("p", { class: "muted" }, "Point an agent at this gate, or make a first call from a shell. It appears here while it runs."),
    codeBlock("Shell commands for a first call", snippet),
    el("p", { class: "muted" }, sandbox
      ? "This gate is a sandbox: it answers by itself, without a provider and without a key."
      : "Leave X-OpenAI-Key out where the gate has a provider key of its own."));
}

function firstCall(origin, sandbox) {
  const key = sandbox ? "" : `  -H "X-OpenAI-Key: $OPENAI_API_KEY" \\\n`;
  return `# 1. On the gate's machine: register an agent; this shows its id and secret
portcullis agent create my-agent --role developer

# 2. Fetch a token with them
TOKEN=$(curl -s ${origin}/api/v1/auth/token \\
  -d grant_type=client_credentials \\
  -d client_id="$CLIENT_ID" -d client_secret="$CLIENT_SECRET" \\
  | sed 's/.*"access_token": *"\\([^"]*\\)".*/\\1/')

# 3. Call
curl -N ${origin}/api/v1/openai/v1/chat/completions \\
  -H "Authorization: Bearer $TOKEN" \\
${key}  -H "Content-Type: application/json" \\
  -d '{"model":"gpt-4o-mini","stream":true,"messages":[{"role":"user","content":"Hello"}]}'`;
}
