// What the activity page says in words: nothing yet, nothing found, loading, failed, offline.

import { el, icon } from "../dom.js";
import { clock } from "../format.js";
import { link } from "../router.js";
import { createWelcome } from "./welcome.js";

const SKELETON_ROWS = 8;

/** What stands where the rows would: `welcome`, `loading`, `nothing`, `error`, or "" for nothing. */
export function messageOf(kind, feed, session) {
  if (kind === "welcome") return [createWelcome({ sandbox: session.sandbox })];
  if (kind === "loading") {
    return [el("div", { class: "skeleton", role: "status" },
      el("span", { class: "visually-hidden" }, "Loading exchanges"),
      Array.from({ length: SKELETON_ROWS }, () => el("div")))];
  }
  if (kind === "nothing") {
    return [el("div", { class: "notice", id: "no-match" },
      el("h2", {}, "Nothing matches"),
      el("p", {}, "No exchange that we looked at matches these filters. New ones appear here by themselves."))];
  }
  if (kind === "error") {
    return [el("div", { class: "notice", id: "history-error", role: "alert" },
      el("h2", {}, "The history could not be loaded"),
      el("p", {}, feed.history.error?.message ?? ""),
      el("button", { type: "button", class: "button", onclick: () => feed.load() }, "Try again"))];
  }
  return [];
}

export function offlineAlert(feed) {
  const asOf = feed.heardAt === null ? null : clock(feed.heardAt).replace(/\.\d+$/, "");
  return el("div", { class: "banner banner-bad", id: "offline", role: "alert" }, icon("alert"),
    el("div", { class: "banner-body" },
      el("p", { class: "banner-title" }, "The gate cannot be reached"),
      el("p", {}, `${asOf ? `What you see is as of ${asOf}. ` : ""}The page goes on trying by itself.`)),
    el("button", { type: "button", class: "button", id: "retry", onclick: () => feed.retry() }, "Try now"));
}

export function policyAlert() {
  return el("div", { class: "banner banner-bad", id: "policy-alert", role: "alert" }, icon("alert"),
    el("div", { class: "banner-body" },
      el("p", { class: "banner-title" }, "The last policy change was not loaded"),
      el("p", {}, "The gate keeps the last good policy. ", el("a", { href: link("policy") }, "See what is wrong"))));
}
