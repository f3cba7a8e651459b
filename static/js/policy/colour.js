// Colours policy.csv and model.conf. Pure: text in, pieces `[class, text]` out, every character kept.

/** The pieces of one line of policy.csv. */
export function csvLine(line) {
  if (/^\s*(#|$)/.test(line)) return [["tok-comment", line]];
  const fields = line.split(",");
  const last = fields.length - 1;
  return fields.flatMap((field, at) => {
    const word = field.trimStart();
    const pieces = [["", field.slice(0, field.length - word.length)], [classOf(word.trim(), at, last), word]];
    return (at === last ? pieces : [...pieces, ["tok-mark", ","]]).filter(([, text]) => text !== "");
  });
}

function classOf(word, at, last) {
  if (at === 0) return "tok-type";
  if (at === 1) return "tok-subject";
  if (at === last && word === "allow") return "tok-allow";
  if (at === last && word === "deny") return "tok-deny";
  return "tok-plain";
}

/** The pieces of one line of model.conf. */
export function confLine(line) {
  if (/^\s*(#|;|$)/.test(line)) return [["tok-comment", line]];
  if (/^\s*\[.*\]\s*$/.test(line)) return [["tok-type", line]];
  const at = line.indexOf("=");
  if (at === -1) return [["tok-plain", line]];
  return [["tok-subject", line.slice(0, at)], ["tok-mark", "="], ["tok-plain", line.slice(at + 1)]];
}

/** A quoted rule without its line: `p, developer, gpt-4*, allow`. */
export const ruleOf = (text) => text.replace(/^line \d+: /, "");
