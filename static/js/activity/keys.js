// The keys of the activity page. Single letters can be switched off, for people whose speech or
// switch input types by accident (WCAG 2.1.4).

const SETTING = "portcullis.keys";

/** Whether single-letter keys work. */
export function lettersOn() {
  return localStorage.getItem(SETTING) !== "off";
}

export function setLetters(on) {
  if (on) localStorage.removeItem(SETTING);
  else localStorage.setItem(SETTING, "off");
}

/** Every shortcut with what it does, for the help. */
export const SHORTCUTS = [
  [["j", "↓"], "Next exchange"],
  [["k", "↑"], "Previous exchange"],
  [["Enter"], "Open details"],
  [["Esc"], "Close details, return to live"],
  [["/"], "Search"],
  [["p"], "Pause or resume"],
  [["?"], "This help"],
];

const inField = (target) => target.closest?.("input, select, textarea, dialog") !== null;

export function createKeys({ move, open, escape, search, pause, inRows }) {
  function onKey(event) {
    if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey) return;
    const { key, target } = event;
    if (inField(target)) {
      if (key === "Escape" && target.matches("#filter-q")) {
        event.preventDefault();
        target.value = "";
        target.dispatchEvent(new Event("input", { bubbles: true }));
        target.blur();
      }
      return;
    }
    const action = actionOf(key);
    if (!action) return;
    event.preventDefault();
    action();
  }

  function actionOf(key) {
    if (key === "Escape") return escape;
    if (inRows()) {
      if (key === "ArrowDown") return () => move(1);
      if (key === "ArrowUp") return () => move(-1);
      if (key === "Enter" || key === " ") return open;
    }
    if (!lettersOn()) return null;
    return { j: () => move(1), k: () => move(-1), p: pause, "/": search }[key] ?? null;
  }

  document.addEventListener("keydown", onKey);
  return { stop: () => document.removeEventListener("keydown", onKey) };
}
