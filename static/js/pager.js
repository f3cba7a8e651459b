// A list that comes page by page. Owns what of it is in a table; of two loads the later one counts.

/**
 * `read(query, signal)` answers `{ rows, next }`; `onShown(count, isCut)` is told how many stand there, null while loading.
 * Returns `{ load(query), rows(), stop() }`.
 */
export function createPager(table, read, onShown = () => null) {
  let aborter = new AbortController();
  let rows = [];

  async function load(query) {
    aborter.abort();
    aborter = new AbortController();
    rows = [];
    table.setRows(rows);
    table.setMore(null);
    table.setState("loading");
    onShown(null);
    await page(query, null, aborter.signal);
  }

  /** Where little matches, some of the gate's own pages are next to empty: they make one. */
  async function page(query, after, signal) {
    try {
      const fresh = [];
      let next = after;
      do {
        const answer = await read({ ...query, after: next }, signal);
        fresh.push(...answer.rows);
        next = answer.next;
      } while (fresh.length < query.limit / 2 && next);
      if (signal.aborted) return;
      rows = [...rows, ...fresh];
      table.setRows(rows);
      table.setMore(next && (() => page(query, next, signal)));
      onShown(rows.length, next !== null);
    } catch (error) {
      if (!signal.aborted) table.setState("error", { error, retry: () => load(query) });
    }
  }

  return { load, rows: () => rows, stop: () => aborter.abort() };
}
