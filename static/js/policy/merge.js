// Puts one's own changes on top of somebody else's. Pure: three texts in, one text out.

const CELLS = 4_000_000; // beyond, what differs counts as one piece

/** Pieces in which `other` differs from `base`: `{ from, to, lines }`, `lines` stand for base[from..to]. */
function changes(base, other) {
  let head = 0;
  const most = Math.min(base.length, other.length);
  while (head < most && base[head] === other[head]) head += 1;
  let tail = 0;
  while (tail < most - head && base.at(-1 - tail) === other.at(-1 - tail)) tail += 1;
  const one = base.slice(head, base.length - tail);
  const two = other.slice(head, other.length - tail);
  if (one.length === 0 && two.length === 0) return [];
  if (one.length * two.length > CELLS) return [{ from: head, to: head + one.length, lines: two }];
  // The length of the longest common part of what follows each pair of places.
  const common = Array.from({ length: one.length + 1 }, () => new Uint32Array(two.length + 1));
  for (let i = one.length - 1; i >= 0; i -= 1) {
    for (let j = two.length - 1; j >= 0; j -= 1) {
      common[i][j] = one[i] === two[j] ? common[i + 1][j + 1] + 1 : Math.max(common[i + 1][j], common[i][j + 1]);
    }
  }
  const found = [];
  let open = null;
  for (let i = 0, j = 0; i < one.length || j < two.length;) {
    if (i < one.length && j < two.length && one[i] === two[j]) {
      open = null;
      i += 1;
      j += 1;
      continue;
    }
    if (open === null) found.push((open = { from: head + i, to: head + i, lines: [] }));
    if (j === two.length || (i < one.length && common[i + 1][j] >= common[i][j + 1])) {
      i += 1;
      open.to += 1;
    } else {
      open.lines.push(two[j]);
      j += 1;
    }
  }
  return found;
}

/**
 * `{ text, overlaps }`: `mine`, as it grew from `base`, on top of `theirs`. Where both changed the same lines,
 * mine stand and are counted.
 */
export function merge(base, mine, theirs) {
  const [from, own, other] = [base, mine, theirs].map((text) => text.split("\n"));
  const wanted = changes(from, own);
  const clash = (one, two) => one.from < two.to && two.from < one.to;
  const isSame = (one, two) => one.from === two.from && one.to === two.to && one.lines.join("\n") === two.lines.join("\n");
  const news = changes(from, other).filter((change) => !wanted.some((each) => isSame(each, change)));
  const fitting = news.filter((change) => !wanted.some((each) => clash(each, change)));
  // From the end, so that places stay true; what only adds stands before what replaces at the same place.
  const all = [...wanted, ...fitting].sort((one, two) => two.from - one.from || two.to - one.to);
  const merged = [...from];
  for (const { from: at, to, lines } of all) {
    merged.splice(at, to - at, ...lines);
  }
  return { text: merged.join("\n"), overlaps: news.length - fitting.length };
}
