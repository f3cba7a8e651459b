// The editor of a text: a textarea over a layer with the same text in colours, and notes under their lines. Owns
// typing, marks and the caret's place; knows no gate. Tab leaves it, undo is the browser's own.
//
// A textarea has no gaps between its lines, so it slides over the layer until the line that is written in, or pointed
// at, stands right over its twin. What is selected is painted in the layer.

import { el, prose } from "../dom.js";

const SELECTED = "editor";

/**
 * `colour(line)` gives the pieces `[class, text]` of a line. Returns `{ node, area, text, setText(text), setNotes(notes),
 * mark(lines, line), reveal(line, { focus }), stop() }`; a note is `{ line, column, tone: "bad" | "warn" | "note", text }`, lines
 * begin with 1.
 */
export function createEditor({ label, colour, describedBy = null, onInput = () => {} }) {
  const layer = el("ol", { class: "code", aria: { hidden: "true" } });
  const area = el("textarea", {
    class: "editor-text", spellcheck: "false", autocapitalize: "off", autocomplete: "off", wrap: "off",
    aria: { label, ...(describedBy ? { describedby: describedBy } : {}) },
    oninput: () => {
      paint();
      slide();
      onInput();
    },
    onkeydown: () => slide(),
  });
  const point = (event) => slide(lineAt(event.clientY));
  const node = el("div", {
    class: "code-box", onclick: (event) => event.target !== area && area.focus(),
    onpointermove: point, onpointerdown: point, onpointerleave: () => slide(),
  }, el("div", { class: "editor" }, layer, area));
  let lines = []; // { text, node, notes }
  let noted = "[]";

  /** Makes the layer say what the textarea says; lines that stay keep their elements and notes. */
  function paint() {
    const texts = area.value.split("\n");
    area.rows = texts.length;
    const most = Math.min(texts.length, lines.length);
    let head = 0;
    while (head < most && lines[head].text === texts[head]) head += 1;
    let tail = 0;
    while (tail < most - head && lines.at(-1 - tail).text === texts.at(-1 - tail)) tail += 1;
    const end = lines.length - tail;
    const fresh = texts.slice(head, texts.length - tail);
    // A line that is written in keeps its notes until the gate has read it again.
    const kept = Math.min(fresh.length, end - head);
    for (let at = 0; at < kept; at += 1) fill(lines[head + at], fresh[at]);
    for (const gone of lines.slice(head + kept, end)) gone.node.remove();
    const added = fresh.slice(kept).map((text) => fill({ node: el("li", { class: "code-line" }, el("code")), notes: [] }, text));
    const before = lines[end]?.node ?? null;
    for (const line of added) layer.insertBefore(line.node, before);
    lines.splice(head + kept, end - head - kept, ...added);
  }

  function fill(line, text) {
    line.text = text;
    const marks = line.notes.map((note) => [note.column, note.tone]).filter(([column]) => column);
    let column = 1;
    line.node.firstChild.replaceChildren(...colour(text).map(([name, piece]) => {
      const [, tone] = marks.find(([at]) => at >= column && at < column + piece.length) ?? [];
      column += piece.length;
      return el("span", { class: tone ? `${name} wavy-${tone}` : name }, piece);
    }));
    return line;
  }

  const pitch = () => Number.parseFloat(getComputedStyle(area).lineHeight);
  const caret = () => (area.selectionDirection === "backward" ? area.selectionStart : area.selectionEnd);
  const lineOf = (offset) => area.value.slice(0, offset).split("\n").length - 1;

  /** The line at a height of the window. */
  function lineAt(y) {
    let [low, high] = [0, lines.length - 1];
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (lines[middle].node.getBoundingClientRect().top <= y) low = middle;
      else high = middle - 1;
    }
    return low;
  }

  /** How far the notes above push a line down. */
  const push = (at) => (lines[at]?.node.offsetTop ?? 0) - (lines[0]?.node.offsetTop ?? 0) - at * pitch();

  function slide(at = lineOf(caret())) {
    if (noted === "[]") {
      area.style.translate = "";
      return;
    }
    const way = push(at);
    area.style.translate = `0 ${way}px`;
    // A caret that would stand beside its line is not shown until the keyboard is used again.
    area.classList.toggle("is-away", Math.abs(push(lineOf(caret())) - way) > 1);
  }

  function paintSelection() {
    if (!window.Highlight) return;
    CSS.highlights.delete(SELECTED);
    if (document.activeElement !== area || area.selectionStart === area.selectionEnd) return;
    const range = new Range();
    range.setStart(...placeOf(area.selectionStart));
    range.setEnd(...placeOf(area.selectionEnd));
    CSS.highlights.set(SELECTED, new Highlight(range));
  }

  /** Where a place in the text stands in the layer. */
  function placeOf(offset) {
    const at = lineOf(offset);
    const code = lines[at].node.firstChild;
    let rest = offset - (area.value.lastIndexOf("\n", offset - 1) + 1);
    for (const { firstChild: text } of code.children) {
      if (text && rest <= text.length) return [text, rest];
      rest -= text?.length ?? 0;
    }
    return [code, 0];
  }

  function onSelection() {
    paintSelection();
    if (document.activeElement === area && area.selectionStart === area.selectionEnd) slide();
  }
  document.addEventListener("selectionchange", onSelection);
  paint();

  return {
    node,
    area,
    get text() {
      return area.value;
    },
    get line() {
      return lineOf(caret()) + 1;
    },
    /** `undoable`: as if it had been typed, so that undo brings back what stood there. */
    setText(text, { undoable = false } = {}) {
      if (text === area.value) return;
      if (undoable) {
        area.focus();
        area.select();
        document.execCommand(text === "" ? "delete" : "insertText", false, text);
      }
      if (area.value !== text) area.value = text;
      paint();
    },
    setNotes(notes) {
      const text = JSON.stringify(notes);
      if (text === noted) return;
      noted = text;
      lines.forEach((line, at) => {
        const own = notes.filter((note) => note.line === at + 1);
        if (own.length === 0 && line.notes.length === 0) return;
        line.notes = own;
        line.node.dataset.tone = own[0]?.tone ?? "";
        fill(line, line.text);
        line.node.replaceChildren(line.node.firstChild, ...own.map((note) =>
          el("p", { class: "code-note", dataset: { tone: note.tone } }, prose(note.text))));
      });
      slide();
      paintSelection();
    },
    /** Marks these lines, one of them most, and no others. */
    mark(wanted, most) {
      lines.forEach(({ node: { classList } }, at) => {
        classList.toggle("is-wanted", wanted.includes(at + 1));
        classList.toggle("is-strong", most === at + 1);
      });
    },
    /** Brings a line into sight; with `focus` the caret goes to its end. */
    reveal(number, { focus = false } = {}) {
      const line = lines[number - 1];
      if (!line) return;
      if (focus) {
        const end = lines.slice(0, number).reduce((sum, { text }) => sum + text.length + 1, -1);
        area.focus({ preventScroll: true });
        area.setSelectionRange(end, end);
        slide();
      }
      line.node.scrollIntoView({ block: "nearest" });
    },
    stop: () => {
      document.removeEventListener("selectionchange", onSelection);
      window.CSS.highlights?.delete(SELECTED);
    },
  };
}
