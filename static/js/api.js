// Speaks to the gate's own API with the session cookie. Owns paths, headers and error values; it
// must never keep a token or change the page.

const BASE = "/api/v1";
const DEADLINE_MS = 20_000;
const ATTENDED_MS = 60_000;

// A page that nobody touches keeps asking, but that must not keep its session from ending.
let touched = Date.now();
for (const kind of ["pointerdown", "pointermove", "keydown", "wheel", "touchstart"]) {
  addEventListener(kind, () => { touched = Date.now(); }, { passive: true });
}

/** What went wrong with a call: `status` is 0 when the gate could not be reached; `detail` is all that the gate said. */
export class ApiError extends Error {
  constructor(status, message, detail = null, retryAfterSecs = null) {
    super(message);
    this.status = status;
    this.code = detail?.code ?? null;
    this.detail = detail;
    this.retryAfterSecs = retryAfterSecs;
  }
}

async function send(method, path, { body, signal } = {}) {
  const headers = { accept: "application/json" };
  if (method !== "GET") headers["x-portcullis-csrf"] = "1";
  else if (Date.now() - touched > ATTENDED_MS) headers["x-portcullis-unattended"] = "1";
  if (body !== undefined) headers["content-type"] = "application/json";
  let response;
  try {
    response = await fetch(BASE + path, {
      method,
      headers,
      signal,
      body: body === undefined ? undefined : JSON.stringify(body),
      credentials: "same-origin",
      cache: "no-store",
    });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    const late = error.name === "TimeoutError";
    throw new ApiError(0, late ? "The gate did not answer in time." : "The gate cannot be reached.");
  }
  return response.ok ? response : refuse(response, await response.json().catch(() => null));
}

function refuse({ status, headers }, answer) {
  const text = answer?.error?.message ?? `The gate answered with status ${status}.`;
  throw new ApiError(status, text, answer?.error ?? null, secondsOf(headers.get("retry-after")));
}

async function call(method, path, { body, signal, within = DEADLINE_MS } = {}) {
  const deadline = AbortSignal.timeout(within);
  const response = await send(method, path, { body, signal: signal ? AbortSignal.any([signal, deadline]) : deadline });
  if (response.status === 204) return null;
  return response.json().catch(() => refuse(response, null));
}

/** `Retry-After` in seconds; its date form is not used by the gate. */
export function secondsOf(header) {
  const seconds = Number.parseInt(header ?? "", 10);
  return Number.isFinite(seconds) && seconds >= 0 ? seconds : null;
}

/** A question: `query` without its empty values. */
export const read = (path, query = {}, signal = undefined) => call("GET", path + searchOf(query), { signal });

/** An answer as the stream of its bytes, however long it takes. */
export const download = (path, query, signal) => send("GET", path + searchOf(query), { signal }).then(({ body }) => body);

/** `?name=value…`, or nothing; empty values are left out. */
export function searchOf(query) {
  const search = new URLSearchParams(Object.entries(query).filter(([, value]) => value)).toString();
  return search === "" ? "" : `?${search}`;
}

export const streamUrl = `${BASE}/activity/stream`;

export const session = () => call("GET", "/admin/session");
export const signInOptions = () => call("GET", "/admin/sign-in");
export const signOut = () => call("POST", "/admin/logout");
export const policy = (signal) => call("GET", "/policy", { signal });
export const recordStatus = (signal) => call("GET", "/audit/status", { signal });
/** Begins a verification of what was written in a time; one at a time. */
export const verify = (range) => call("POST", "/audit/verify", { body: range });
export const signIn = (username, password) =>
  call("POST", "/admin/login", { body: { username, password } });

const part = encodeURIComponent;
const post = (path, body) => call("POST", path, { body });
const patch = (path, body) => call("PATCH", path, { body });

// Agents, AppContexts, detection keys and users. A deed is the last part of a path: suspend, revoke, expire, …
export const agents = (signal) => call("GET", "/agents", { signal });
export const createAgent = (agent) => post("/agents", agent);
export const changeAgent = (id, change) => patch(`/agents/${part(id)}`, change);
export const doAgent = (id, deed, body) => post(`/agents/${part(id)}/${deed}`, body);
export const trustOf = (id, from) => call("GET", `/agents/${part(id)}/trust?from=${part(from)}`);
export const contexts = (signal) => call("GET", "/app-contexts", { signal });
export const createContext = (context) => post("/app-contexts", context);
export const changeContext = (id, change) => patch(`/app-contexts/${part(id)}`, change);
export const revokeContext = (id) => post(`/app-contexts/${part(id)}/revoke`);
export const keys = (signal) => call("GET", "/keys", { signal });
export const createKey = (key) => post("/keys", key);
export const doKey = (id, deed, body) => post(`/keys/${part(id)}/${deed}`, body);
/** Programs that call, with a placeholder where the secret stands. */
export const snippets = (query) => call("GET", `/snippets?${new URLSearchParams(query)}`);
export const users = (signal) => call("GET", "/users", { signal });
export const createUser = (user) => post("/users", user);
export const changeUser = (name, change) => patch(`/users/${part(name)}`, change);
export const deleteUser = (name) => call("DELETE", `/users/${part(name)}`);
export const doUser = (name, deed) => post(`/users/${part(name)}/${deed}`);
/** Changes the password of whoever is signed in. */
export const changePassword = (current, next) =>
  post("/admin/password", { current_password: current, new_password: next });

/** One finished record. */
export const exchange = (id, signal) =>
  call("GET", `/audit/events/${encodeURIComponent(id)}`, { signal });

/** A page of records, newest first. `filter` holds what the server can filter by. */
export function exchanges({ filter, after, limit, signal }) {
  const query = new URLSearchParams({ order: "desc", limit: String(limit) });
  if (after) query.set("after", after);
  for (const [name, value] of Object.entries(filter)) {
    if (value) query.set(name, value);
  }
  return call("GET", `/audit/events?${query}`, { signal });
}

// The policy: the draft is the caller's, the gate keeps none.
const REPLAY_MS = 180_000;
export const lintPolicy = (text, signal) => call("POST", "/policy/lint", { body: { text }, signal });
export const diffPolicy = (body) => post("/policy/diff", body);
export const whatIf = (body, signal) => call("POST", "/policy/what-if", { body, signal, within: REPLAY_MS });
export const explainPolicy = (body) => post("/policy/explain", body);
export const savePolicy = (body) => call("PUT", "/policy", { body });
export const policyVersions = (query, signal) => read("/policy/versions", query, signal);
export const policyVersion = (id) => read(`/policy/versions/${part(id)}`);
export const restorePolicy = (id, body) => post(`/policy/versions/${part(id)}/restore`, body);

// The rules of detection.
const rulePath = (id) => `/detections/rules/${part(id)}`;
export const detections = (signal) => read("/detections", {}, signal);
export const detectionRules = (query, signal) => read("/detections/rules", query, signal);
export const addDetectionRule = (body) => post("/detections/rules", body);
export const changeDetectionRule = (id, body) => patch(rulePath(id), body);
export const deleteDetectionRule = (id, query) => call("DELETE", rulePath(id) + searchOf(query));
export const tryDetections = (body) => post("/detections/try", body);
export const detectionCoverage = () => read("/detections/coverage");
