// The home page: exchanges as they happen. Joins list, figures, filters and drawer; decides when the
// list moves and when it holds still. The state itself is the feed's.

import * as filters from "../activity/filter.js";
import { createKeys } from "../activity/keys.js";
import { messageOf, offlineAlert, policyAlert } from "../activity/messages.js";
import { createStats } from "../activity/stats.js";
import { Table } from "../activity/table.js";
import { createToolbar } from "../activity/toolbar.js";
import { el, icon, setText } from "../dom.js";
import { createExchangeDrawer } from "../exchange.js";
import { count } from "../format.js";
import { replace } from "../router.js";
import { button } from "../ui.js";

const FRAME_MS = 100; // ten changes a second are as many as an eye can follow
const SHARE = 4; // of the time at most a quarter goes into changes, also on a slow machine
const TICK_MS = 200;
const POINTER_REST_MS = 1_200;

export function mount(host, { feed, session }, params) {
  const table = new Table(feed.heard);
  const stats = createStats();
  const toolbar = createToolbar({
    onFilter: (filter) => setFilter(filter),
    onSearchEnter: (text) => openById(filters.asId(text)),
    onPause: () => pause(),
  });
  const freshCount = el("span");
  const fresh = button([icon("up"), freshCount], () => toTop(), { kind: "primary fresh", id: "new-count", hidden: true });
  toolbar.end.prepend(fresh);
  const alerts = el("div", { class: "alerts" });
  const message = el("div", { class: "list-message" });
  const older = button("", () => feed.loadOlder(), { id: "load-older" });
  const foot = el("div", { class: "list-foot" }, older);
  const mark = el("div", { class: "list-mark" });
  const scroller = el("div", { class: "stream", id: "stream" },
    el("div", { class: "stream-head" }, el("h1", {}, "Live activity"), stats.window),
    alerts, stats.node,
    mark,
    el("div", { class: "sticky" }, toolbar.node),
    table.node, message, foot);
  const drawer = createExchangeDrawer({ beside: scroller, onClose: ({ byKey }) => closed({ stay: byKey }), onOpen: openById });
  const view = el("div", { class: "split" }, scroller, drawer.node);
  host.replaceChildren(view);

  // Why the list holds still: the viewer paused, scrolled away, works with a row, or points at one.
  const reasons = new Set(feed.paused ? ["paused"] : []);
  let frame = 0;
  let shownAt = 0;
  let cost = 0;
  let later = 0;

  function hold(reason, on) {
    if (reasons.has(reason) === on) return;
    if (on) reasons.add(reason);
    else reasons.delete(reason);
    if (reasons.size > 0) feed.exchanges.hold();
    else feed.exchanges.release();
    schedule();
  }

  function schedule() {
    if (frame !== 0 || later !== 0) return;
    const wait = Math.max(FRAME_MS, SHARE * cost) - (performance.now() - shownAt);
    const ask = () => {
      later = 0;
      frame = requestAnimationFrame(render);
    };
    if (wait <= 0) ask();
    else later = setTimeout(ask, wait);
  }

  function render() {
    frame = 0;
    shownAt = performance.now();
    setTimeout(() => (cost = performance.now() - shownAt)); // with layout and paint
    const { exchanges } = feed;
    table.render(exchanges.rows);
    const waiting = exchanges.waiting;
    fresh.hidden = waiting === 0 || (reasons.size === 1 && reasons.has("pointer"));
    setText(freshCount, `${count(waiting)} new`);
    toolbar.offer(feed.agents, feed.models);
    renderState();
  }

  function renderState() {
    const { history, exchanges } = feed;
    const empty = exchanges.rows.length === 0;
    table.node.hidden = empty && history.state === "ready" && filters.isEmpty(feed.filter);
    toolbar.node.classList.toggle("is-idle", table.node.hidden);
    view.dataset.history = history.state;
    const kind = history.state === "error" ? "error" : !empty ? "" : history.state === "loading" ? "loading"
      : filters.isEmpty(feed.filter) ? "welcome" : "nothing";
    if (message.dataset.kind !== kind) {
      message.dataset.kind = kind;
      message.replaceChildren(messageOf(kind, feed, session));
    }
    older.hidden = !feed.hasOlder;
    older.disabled = history.older === "loading";
    setText(older, { idle: "Load older", loading: "Loading…", error: "Could not load. Try again" }[history.older]);
  }

  function renderAlerts() {
    const offline = feed.connection.state === "offline";
    const refused = Boolean(feed.policy.error);
    // An alert that stays is left alone: rebuilt, it would be read out again and lose the focus.
    const kinds = `${offline} ${refused}`;
    if (alerts.dataset.kinds === kinds) return;
    alerts.dataset.kinds = kinds;
    alerts.replaceChildren(
      ...(offline ? [offlineAlert(feed)] : []),
      ...(refused ? [policyAlert()] : []));
  }

  function setFilter(filter) {
    if (drawer.id === null) leaveRow();
    feed.setFilter(filter);
    remember();
  }

  function remember() {
    replace("activity", { ...feed.filter, id: drawer.id });
  }

  function pause() {
    feed.setPaused(!feed.paused);
    if (!feed.paused) toTop();
  }

  function toTop() {
    scroller.scrollTop = 0;
    table.setActive(null);
    if (scroller.contains(document.activeElement)) document.activeElement.blur();
    hold("row", false);
    hold("scrolled", false);
    if (feed.paused) feed.setPaused(false);
  }

  function openRecord(record, { focus = false } = {}) {
    table.setActive(record.id);
    hold("row", true);
    drawer.show(record, focus);
    remember();
  }

  function openById(id, { focus = true } = {}) {
    if (!id) return;
    const known = feed.exchanges.get(id) ?? feed.running.get(id);
    if (known) return openRecord(known, { focus });
    table.setActive(id); // its row may still come
    drawer.find(id, focus);
    remember();
  }

  function close({ stay }) {
    if (drawer.id === null) return;
    drawer.close();
    closed({ stay });
  }

  /** The keyboard stays with its row; a mouse has no row, so the list runs on. */
  function closed({ stay }) {
    if (stay && table.focusActive()) hold("row", true);
    else leaveRow();
    remember();
  }

  function leaveRow() {
    table.setActive(null);
    if (table.node.contains(document.activeElement)) document.activeElement.blur();
    hold("row", false);
  }

  const keys = createKeys({
    move: (step) => {
      const { rows } = feed.exchanges;
      if (rows.length === 0) return;
      const at = rows.findIndex((row) => row.id === table.activeId);
      const next = rows[Math.min(rows.length - 1, Math.max(0, at === -1 ? 0 : at + step))];
      hold("row", true);
      table.setActive(next.id);
      table.focusActive();
      if (drawer.id !== null) openRecord(next);
    },
    open: () => openById(table.activeId),
    escape: () => (drawer.id === null ? leaveRow() : close({ stay: true })),
    search: () => toolbar.search.focus(),
    pause,
    inRows: () => table.body.contains(document.activeElement),
  });

  table.body.addEventListener("focusin", (event) => {
    const id = event.target.closest(".row")?.dataset.id;
    if (id && id !== table.activeId && event.target.matches(":focus-visible")) {
      table.setActive(id);
      hold("row", true);
    }
  });
  table.body.addEventListener("click", (event) => {
    const id = event.target.closest(".row")?.dataset.id;
    if (!id || String(getSelection()) !== "") return;
    if (id === drawer.id) close({ stay: false });
    else openById(id, { focus: false });
  });
  // Rows do not slip away from under a moving mouse.
  let rest = 0;
  table.body.addEventListener("pointermove", (event) => {
    if (event.pointerType !== "mouse") return;
    hold("pointer", true);
    clearTimeout(rest);
    rest = setTimeout(() => hold("pointer", false), POINTER_REST_MS);
  });
  const watcher = new IntersectionObserver(([entry]) => hold("scrolled", !entry.isIntersecting), { root: scroller });
  watcher.observe(mark);

  const stop = feed.listen((topic, record) => {
    if (topic === "rows") schedule();
    else if (topic === "history") {
      schedule();
      stats.update(feed.tally, feed.running.size);
    }
    else if (topic === "record") {
      if (record.id === drawer.id) drawer.show(record);
    } else {
      renderAlerts();
      toolbar.setPaused(feed.paused);
      hold("paused", feed.paused);
    }
  });
  const ticker = setInterval(() => table.tick(feed.running.keys()), TICK_MS);
  const clockwork = setInterval(() => stats.update(feed.tally, feed.running.size), 1_000);

  function update(next) {
    const filter = filters.read(next);
    toolbar.set(filter);
    feed.setFilter(filter);
    const id = next.get("id");
    if (id && id !== drawer.id) openById(id, { focus: false });
    if (!id) close({ stay: true });
  }

  toolbar.setPaused(feed.paused);
  stats.update(feed.tally, feed.running.size);
  renderAlerts();
  update(params);
  if (reasons.size === 0) feed.exchanges.release();
  render();

  return {
    update,
    unmount() {
      stop();
      keys.stop();
      watcher.disconnect();
      clearInterval(ticker);
      clearInterval(clockwork);
      clearTimeout(rest);
      clearTimeout(later);
      cancelAnimationFrame(frame);
      drawer.stop();
      feed.exchanges.hold();
    },
  };
}
