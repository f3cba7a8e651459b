// The draft of policy.csv: what is written and not saved, and the text that it stands on. Owns its place in the tab's
// own storage, so that it survives a page change and a reload; nothing else of the policy is kept in the browser.

const PLACE = "portcullis.policy.draft";

/** The kept draft of a user: `{ text, base, version }`, or null. */
export function readDraft(user) {
  try {
    const kept = JSON.parse(sessionStorage.getItem(PLACE));
    return kept?.user === user && typeof kept.text === "string" && typeof kept.base === "string" ? kept : null;
  } catch {
    return null;
  }
}

/** Keeps a user's draft, for nobody else in this tab; null forgets it. */
export function keepDraft(user, draft) {
  try {
    if (draft === null) sessionStorage.removeItem(PLACE);
    else sessionStorage.setItem(PLACE, JSON.stringify({ ...draft, user }));
  } catch {
    // Without storage the draft lives as long as the page.
  }
}
