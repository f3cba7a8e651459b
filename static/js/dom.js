// Builds elements. Owns the only ways in which text becomes a page: text nodes and attributes, so
// that nothing a caller of the gate wrote can ever become markup.

const SVG = "http://www.w3.org/2000/svg";

/**
 * Makes an element. `on…` properties are listeners, `dataset` and `aria` are objects, `class` and
 * other names are attributes; null and false leave the attribute out.
 */
export function el(tag, properties = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else if (name === "dataset") Object.assign(node.dataset, value);
    else if (name === "aria") {
      for (const [key, text] of Object.entries(value)) node.setAttribute(`aria-${key}`, text);
    } else node.setAttribute(name, value === true ? "" : value);
  }
  node.append(...children.flat().filter((child) => child !== null && child !== undefined));
  return node;
}

/** A text of the gate as nodes: what stands in backticks is code. */
export const prose = (text) => text.split(/`([^`]+)`/).map((part, at) => (at % 2 === 1 ? el("code", {}, part) : part));

/** Makes an SVG element. */
export function svg(tag, attributes = {}, ...children) {
  const node = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  node.append(...children);
  return node;
}

/** A decorative icon from the sprite in index.html. */
export function icon(name) {
  return svg("svg", { class: "icon", "aria-hidden": "true" }, svg("use", { href: `#i-${name}` }));
}

/** Shows another sprite in an icon made by `icon`. */
export function setIcon(node, name) {
  node.firstChild.setAttribute("href", `#i-${name}`);
}

/** Sets text only when it differs, so that unchanged cells cost nothing. */
export function setText(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

/** A button that copies `read()` and says that it did. */
export function copyButton(label, read, text = null) {
  const picture = icon("copy");
  const button = el(
    "button",
    {
      type: "button",
      class: text ? "button button-copy" : "button button-quiet button-icon button-copy",
      title: label,
      aria: { label },
      onclick: async () => {
        const done = await copy(read());
        setIcon(picture, done ? "check" : "alert");
        button.dataset.copied = done ? "yes" : "no";
        if (done) button.dispatchEvent(new Event("copied", { bubbles: true }));
        button.setAttribute("aria-label", done ? "Copied" : "Could not copy");
        setTimeout(() => {
          setIcon(picture, "copy");
          delete button.dataset.copied;
          button.setAttribute("aria-label", label);
        }, 1500);
      },
    },
    picture,
    text,
  );
  return button;
}

async function copy(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return copyBySelection(text);
  }
}

// The clipboard API exists only on https and localhost; many gates are reached by plain http inside
// a private network.
function copyBySelection(text) {
  const focused = document.activeElement;
  const area = el("textarea", { class: "visually-hidden", readonly: true });
  area.value = text;
  (document.querySelector("dialog[open]") ?? document.body).append(area); // a dialog lets nothing else have the focus
  area.select();
  const done = document.execCommand("copy");
  area.remove();
  focused?.focus?.();
  return done;
}
