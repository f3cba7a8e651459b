// The dashboard's pager, without a browser: of two loads the later one counts, and what stands there stays.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createPager } from '../../static/js/pager.js';

/** A table that keeps what it is told, a pager on it, and its questions: each is answered by the test. */
function setUp() {
  const table = { rows: [], shown: [], state: 'ready', more: null, error: null };
  table.setRows = (rows) => {
    table.rows = rows;
    table.shown.push(rows.length);
    table.state = 'ready';
  };
  table.setState = (state, { retry } = {}) => Object.assign(table, { state, retry });
  table.setMore = (more, error = null) => Object.assign(table, { more, error });
  const asked = [];
  const counts = [];
  const read = (query, signal) => new Promise((resolve, reject) => asked.push({
    query, signal, fail: () => reject(new Error('The gate cannot be reached.')),
    answer: async (rows, next = null) => {
      resolve({ rows, next });
      await settled();
    },
  }));
  return { table, asked, counts, pager: createPager(table, read, (count, isCut) => counts.push([count, isCut])) };
}

const settled = () => new Promise((resolve) => setTimeout(resolve));
const list = (from, to) => Array.from({ length: to - from }, (_, at) => from + at);
const of = (agent) => () => ({ agent, limit: 4 });

test('an answer that comes after another load is nobody’s', async () => {
  const { table, asked, pager } = setUp();
  pager.load(of('one'));
  pager.load(of('two'));
  assert.ok(asked[0].signal.aborted);
  await asked[1].answer([2]);
  await asked[0].answer([1], 'next');
  assert.deepEqual([table.rows, table.state, table.more], [[2], 'ready', null]);
  pager.load(of('three'));
  assert.deepEqual([table.rows, table.state], [[], 'loading'], 'another query clears the table');
  asked[2].fail();
  await settled();
  assert.equal(table.state, 'error');
  table.retry();
  await asked[3].answer([3]);
  assert.deepEqual(pager.rows(), [3]);
});

test('the same query keeps its rows until as many have come again, also where that fails', async () => {
  const { table, asked, counts, pager } = setUp();
  pager.load(of('one'));
  await asked[0].answer(list(0, 4), 'a');
  table.more();
  await asked[1].answer(list(4, 8), 'b');
  assert.deepEqual(counts, [[null, undefined], [4, true], [8, true]]);
  table.shown = [];
  pager.load(of('one'));
  assert.equal(table.state, 'loading');
  await asked[2].answer(list(100, 104), 'c');
  assert.deepEqual(table.shown, [], 'nothing is taken away');
  asked[3].fail();
  await settled();
  assert.deepEqual([table.rows, table.state, table.error.message], [list(0, 8), 'ready', 'The gate cannot be reached.']);
  table.more();
  await asked[4].answer(list(200, 204), 'd');
  await asked[5].answer(list(204, 208), 'e');
  assert.deepEqual([asked[4].query.after, table.rows, table.shown.at(-1), table.error], [null, list(200, 208), 8, null]);
});

test('a second page that fails is asked for again, with the time as it is then', async (context) => {
  context.mock.timers.enable({ apis: ['Date'], now: 1_000 });
  const { table, asked, pager } = setUp();
  pager.load((now) => ({ from: now - 500, limit: 4 }));
  await asked[0].answer(list(0, 4), 'a');
  table.more();
  asked[1].fail();
  await settled();
  assert.deepEqual([table.rows, table.state, table.error.message], [list(0, 4), 'ready', 'The gate cannot be reached.']);
  context.mock.timers.setTime(3_000);
  table.more();
  assert.deepEqual(asked[2].query, { from: 2_500, limit: 4, after: 'a' });
  await asked[2].answer([4]);
  assert.deepEqual([table.rows, table.more, table.error], [list(0, 5), null, null]);
  // A later moment of the same period is no other query.
  context.mock.timers.setTime(4_000);
  pager.load((now) => ({ from: now - 500, limit: 4 }));
  assert.equal(table.rows.length, 5);
});

test('answers with little in them make one page, seen as it grows, and not without end', async () => {
  const { table, asked, pager } = setUp();
  pager.load(of('one'));
  await asked[0].answer([0], 'a');
  assert.deepEqual([table.rows, table.state, table.more], [[0], 'loading', null]);
  await asked[1].answer([], 'b');
  assert.deepEqual([table.rows, table.state], [[0], 'loading']);
  await asked[2].answer([1], 'c');
  assert.deepEqual([table.rows, table.state], [[0, 1], 'ready']);
  table.more();
  for (let at = 3; at < asked.length; at += 1) await asked[at].answer([], `empty-${at}`);
  assert.deepEqual([asked.length, table.state], [11, 'ready']);
  table.more();
  assert.equal(asked.at(-1).query.after, 'empty-10');
});

test('what stands there and what comes next are of the same load', async () => {
  const { table, asked, pager } = setUp();
  pager.load(of('one'));
  await asked[0].answer([1], 'a');
  asked[1].fail();
  await settled();
  pager.load(of('one'));
  await asked[2].answer([0], 'b');
  asked[3].fail();
  await settled();
  assert.deepEqual(table.rows, [0]);
  table.more();
  assert.equal(asked[4].query.after, 'b');
  await asked[4].answer([1]);
  assert.deepEqual([table.rows, table.state, table.more], [[0, 1], 'ready', null]);
});

test('stopped on the way, it asks and shows no more', async () => {
  const { table, asked, pager } = setUp();
  pager.load(of('one'));
  await asked[0].answer([0], 'a');
  pager.stop();
  await asked[1].answer([1], 'b');
  assert.deepEqual([asked.length, table.rows, asked[1].signal.aborted], [2, [0], true]);
});
