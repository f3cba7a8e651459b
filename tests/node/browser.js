// A headless Chromium, pictures of what it shows, and what every page must stand: axe-core in light and dark, and its
// states at two widths.

import assert from 'node:assert/strict';
import { mkdir } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { chromium } from 'playwright-core';
import { OUTPUT } from './gateway.js';

const EXECUTABLE = process.env.CHROMIUM ?? '/usr/bin/chromium';
const QUIET = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-quic',
  '--disable-sync',
  '--no-first-run',
];
const RULES = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'];
const THEMES = ['light', 'dark'];
const NARROW = { width: 360, height: 760 };

export const launch = (...args) => chromium.launch({ executablePath: EXECUTABLE, args: [...QUIET, ...args] });

/** Keeps a picture of the page under target/test-output/. */
export async function picture(page, name) {
  await mkdir(OUTPUT, { recursive: true });
  await page.screenshot({ path: join(OUTPUT, `${name}.png`) });
}

/** Signs in by the API, so that the next page opened is the wanted one. */
export async function signIn(page, gateway, username, password) {
  const reply = await page.request.post(`${gateway.url}/api/v1/admin/login`, { data: { username, password } });
  assert.ok(reply.ok(), `signing in as ${username}: ${reply.status()}`);
}

/** Runs `look(theme)` in light and in dark. */
export async function inBothThemes(page, look) {
  for (const theme of THEMES) {
    await page.emulateMedia({ colorScheme: theme, reducedMotion: 'reduce' });
    await look(theme);
  }
  await page.emulateMedia({ colorScheme: null, reducedMotion: null });
}

/** axe-core finds nothing to complain about on the page as it is, in light and dark. */
export async function audit(page, name) {
  if (!(await page.evaluate(() => 'axe' in window))) {
    // The debugger's way in: the page's own content policy allows no foreign script.
    await page.evaluate(await axeSource());
  }
  await inBothThemes(page, async (theme) => {
    const found = await page.evaluate((rules) => window.axe.run(document, { runOnly: rules }), RULES);
    const told = found.violations.flatMap(({ id, help, nodes }) =>
      nodes.map((node) => `${id}: ${help}\n  ${node.target.join(' ')}\n  ${node.any.concat(node.all, node.none)[0]?.message ?? ''}`));
    assert.deepEqual(told, [], `${name}, ${theme}:\n${told.join('\n')}`);
  });
}

let source;

async function axeSource() {
  const { readFile } = await import('node:fs/promises');
  source ??= await readFile(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
  return source;
}

/**
 * Pictures of a page's states (`empty`, `loading`, `error`, `crowded`, …), wide and at 360 px, in light and dark.
 * A state is `{ routes, ready }`: `routes` maps addresses (as of `page.route`) to "hang", "fail", "abort" or the JSON to
 * answer; `ready(page)` waits until the state is there. The page is opened anew for each, at the address
 * it stands at, and must never scroll sideways.
 */
export async function states(page, name, wanted) {
  const size = page.viewportSize();
  for (const [state, { routes = {}, ready }] of Object.entries(wanted)) {
    for (const [address, answer] of Object.entries(routes)) await page.route(address, (route) => fulfil(route, answer));
    await page.reload({ waitUntil: 'commit' });
    await ready(page);
    await inBothThemes(page, async (theme) => {
      await picture(page, `${name}-${state}-${theme}`);
      await page.setViewportSize(NARROW);
      await picture(page, `${name}-${state}-${theme}-narrow`);
      const wide = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
      assert.ok(wide <= 0, `${name}, ${state}: the page is ${wide} px too wide at ${NARROW.width} px`);
      await page.setViewportSize(size);
    });
    for (const address of Object.keys(routes)) await page.unroute(address);
  }
  await page.reload();
}

function fulfil(route, answer) {
  if (answer === 'hang') return null;
  if (answer === 'abort') return route.abort();
  if (answer === 'fail') {
    return route.fulfill({ status: 503, json: { error: { message: 'The database does not answer.', code: 'store_unavailable' } } });
  }
  return route.fulfill({ json: answer });
}
