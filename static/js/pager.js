// A list that comes page by page. Owns what of it is in a table; of two loads the later one counts.

/** So many answers make a page at most, however little matches: then the viewer is asked whether to go on. */
const ANSWERS = 8;

/**
 * `read(query, signal)` answers `{ rows, next }`; `onShown(count, isCut)` is told how many stand there, null while loading.
 * Returns `{ load(ask), rows(), stop() }`. `ask(now)` gives the query with its `limit`, anew for each page; what it
 * says of the same moment tells whether it is another one. The rows of the same one stay until they have come again.
 */
export function createPager(table, read, onShown = () => null) {
  let aborter = new AbortController();
  let rows = [];
  let asked = null;

  async function load(ask) {
    aborter.abort();
    aborter = new AbortController();
    const query = JSON.stringify(ask(0));
    if (query !== asked) {
      asked = query;
      rows = [];
      table.setRows(rows);
      table.setMore(null);
      onShown(null);
    }
    await page(ask, null, aborter.signal);
  }

  /** Where little matches, some of the gate's own pages are next to empty: they make one, put in as they come. */
  async function page(ask, after, signal) {
    const query = ask(Date.now());
    let fresh = after === null ? [] : rows;
    let next = after;
    const least = Math.max(rows.length, fresh.length + query.limit / 2);
    table.setState("loading");
    try {
      for (let answers = 1, isDone = false; !isDone; answers += 1) {
        const answer = await read({ ...query, after: next }, signal);
        if (signal.aborted) return;
        fresh = [...fresh, ...answer.rows];
        next = answer.next;
        isDone = !next || fresh.length >= least || answers === ANSWERS;
        if (!isDone && fresh.length < rows.length) continue;
        rows = fresh;
        table.setRows(rows);
        onShown(rows.length, Boolean(next));
        if (!isDone) table.setState("loading");
      }
      table.setMore(next && (() => page(ask, next, signal)));
    } catch (error) {
      if (signal.aborted) return;
      const again = () => load(ask);
      if (rows.length === 0) return table.setState("error", { error, retry: again });
      table.setState("ready");
      table.setMore(rows === fresh ? () => page(ask, next, signal) : again, error);
    }
  }

  return { load, rows: () => rows, stop: () => aborter.abort() };
}
