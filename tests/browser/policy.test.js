// The policy page, as an author of policies uses it: against a real gate, with real calls. The tests tell one story and
// run in order.

import assert from 'node:assert/strict';
import { readFile, writeFile } from 'node:fs/promises';
import { after, before, test } from 'node:test';
import { audit, launch, picture, signIn, states } from '../node/browser.js';
import { ADMIN_PASSWORD, Gateway, POLICY, eventually } from '../node/gateway.js';
import { merge } from '../../static/js/policy/merge.js';

const AGENT = 'research-bot';
const DENIAL = `p, ${AGENT}, gpt-4o, deny\n`;
const REASON = 'Research has its own budget now';

let gateway;
let browser;
let page;
let token;
const complaints = [];

before(async () => {
  gateway = await Gateway.start();
  token = await gateway.createAgent(AGENT);
  browser = await launch();
  page = await browser.newPage({ viewport: { width: 1360, height: 820 } });
  page.setDefaultTimeout(10_000);
  page.on('pageerror', (error) => complaints.push(`error: ${error.message}`));
  page.on('console', (message) => {
    if (/Content Security Policy|Uncaught/.test(message.text())) complaints.push(message.text());
  });
  await signIn(page, gateway, 'admin', ADMIN_PASSWORD);
}, { timeout: 60_000 });

after(async () => {
  await browser?.close();
  await gateway?.stop();
});

const area = () => page.getByRole('textbox', { name: 'policy.csv' });
const fact = (name) => page.locator(`[data-fact="${name}"]`);
const tab = (name) => page.locator(`[data-tab="${name}"]`);
const lint = (words) => page.locator('#lint', { hasText: words }).waitFor();
const toast = (words) => page.locator('.toast', { hasText: words }).waitFor();
const status = async (model = 'gpt-4o') => (await gateway.call(token, { model })).status;

async function open(rest = '') {
  await page.goto(`${gateway.url}/#/policy${rest}`);
  await page.reload();
  await page.locator('.code-line').first().waitFor();
}

/** Puts the caret at the end of the text and writes there. */
async function write(text) {
  await area().focus();
  await page.keyboard.press('Control+End');
  await page.keyboard.insertText(text);
}

test('changes of two people are put together, and where both changed a line one stands', () => {
  assert.deepEqual(merge('a\nb\nc\nd\n', 'a\nB\nc\nd\nmine\n', 'first\na\nb\nc\nd2\n'), { text: 'first\na\nB\nc\nd2\nmine\n', overlaps: 0 });
  assert.deepEqual(merge('a\nb\n', 'a\nb\nmine\n', 'a\nb\ntheirs\n'), { text: 'a\nb\ntheirs\nmine\n', overlaps: 0 });
  assert.deepEqual(merge('a\nb\nc\n', 'a\nX\nc\n', 'a\nX\nc\n'), { text: 'a\nX\nc\n', overlaps: 0 });
  assert.deepEqual(merge('a\nb\nc\n', 'a\nX\nc\n', 'a\nY\nc\n'), { text: 'a\nX\nc\n', overlaps: 1 });
});

test('the page shows the policy in force, and the error of a bad save by hand with its line', async () => {
  await open();
  const before = await fact('version').textContent();
  assert.equal(await area().inputValue(), POLICY);
  await writeFile(gateway.policyFile, `${POLICY}p, developer, gpt-5\n`);
  const error = page.locator('#policy-error');
  await error.waitFor();
  assert.match(await error.textContent(), /policy\.csv.*line 4/);
  assert.ok((await error.locator('[data-field="reason"]').textContent()).length > 5);
  assert.equal(await fact('version').textContent(), before);
  await page.locator('.code-line:nth-child(4) .code-note').waitFor();
  await picture(page, 'policy-refused');
  await writeFile(gateway.policyFile, `${POLICY}p, developer, gpt-5, allow\n`);
  await error.waitFor({ state: 'detached' });
  assert.notEqual(await fact('version').textContent(), before);
  await writeFile(gateway.policyFile, POLICY);
  await page.waitForFunction((version) => document.querySelector('[data-fact="version"]').textContent === version, before);
  assert.equal(await area().inputValue(), POLICY);
});

test('the page broke no rule of its content policy and threw nothing', () => {
  assert.deepEqual(complaints, []);
});
