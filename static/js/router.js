// The address is the state: `#/page?name=value`. The part behind `#` stays in the browser, so filters
// never reach a log, and the server needs to know one page only.

/** The page and parameters of an address; an empty or foreign one has the name "". */
export function parse(hash) {
  if (!hash.startsWith("#/")) return { name: "", params: new URLSearchParams() };
  const [name, query = ""] = hash.slice(2).split("?", 2);
  return { name, params: new URLSearchParams(query) };
}

/** The address of a page; empty values are left out. */
export function link(name, params = {}) {
  const query = new URLSearchParams();
  for (const [key, value] of Object.entries(params)) {
    if (value) query.set(key, value);
  }
  const text = query.toString();
  return `#/${name}${text === "" ? "" : `?${text}`}`;
}

/** Changes the address without a new entry in the browser's history and without a page change. */
export function replace(name, params) {
  history.replaceState(null, "", link(name, params));
}

/** Calls `onRoute` now and whenever the address changes; returns the way to stop. */
export function watch(onRoute) {
  const run = () => onRoute(parse(location.hash));
  addEventListener("hashchange", run);
  run();
  return () => removeEventListener("hashchange", run);
}
