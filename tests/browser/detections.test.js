// The page of the rules of detection, as an author of rules uses it: against a real gate, with real calls. The tests tell
// one story and run in order.

import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { audit, picture, states } from '../node/browser.js';
import { Desk } from '../node/desk.js';
import { POLICY, eventually } from '../node/gateway.js';

const RULES = `\
# A comment that stays.

[[rule]]
id = "mail"
type = "PII_EMAIL"
severity = "MEDIUM"
class = "PII"
pattern = '[a-z.]{1,40}@[a-z]{1,40}\\.[a-z]{2,6}'
action = "redact"
matches = ["ann@acme.dev"]
clean = ["@acme"]
`;
const OWN = {
  rule_id: 'nightjar', type: 'ACME_CODENAME', pattern: '(?i)project nightjar', found_in: 'about Project Nightjar', not_found_in: 'a nightjar sings',
  description: 'The next product', reason: 'It is secret until May',
};

let home;
let desk;
let page;
let token;

before(async () => {
  home = await mkdtemp(join(tmpdir(), 'portcullis-rules-'));
  await writeFile(file(), RULES);
  desk = await Desk.start(POLICY, { PORTCULLIS_DETECTION__FILE: file() });
  ({ page } = desk);
  token = await desk.gateway.createAgent('scribe');
}, { timeout: 60_000 });

after(async () => {
  await desk?.stop();
  await rm(home, { recursive: true, force: true });
});

const file = () => join(home, 'detections.toml');
const tab = (name) => page.locator(`[data-tab="${name}"]`);

/** What the provider got of a text. */
async function sent(content) {
  const before = (await desk.gateway.received()).length;
  const reply = await desk.gateway.call(token, { messages: [{ role: 'user', content }] });
  const answer = await reply.json();
  const calls = (await desk.gateway.received()).slice(before);
  return { reason: answer.choices?.[0].finish_reason, text: calls.map((call) => JSON.stringify(call)).join('') };
}

async function attempt(text) {
  await tab('try').click();
  await page.fill('#try-text', text);
  await page.click('#try-run');
  await page.locator('#try-answer .try-verdict').waitFor();
  return page.locator('#try-answer');
}

/** Gives the reason and confirms. */
async function confirm(label, reason) {
  await desk.input('reason').fill(reason);
  await desk.press(label);
}

test('every rule is listed with what it does and how often it found something', async () => {
  await desk.open('detections');
  await desk.row('mail').filter({ hasText: 'redact' }).waitFor();
  assert.doesNotMatch((await sent('write to ann@acme.dev')).text, /ann@acme/);
  await eventually(async () => {
    await page.reload();
    await desk.row('mail').waitFor();
    return (await desk.row('mail').locator('.c-findings').textContent()) === '1';
  }, 'the finding');
  assert.match(await desk.row('mail').getByRole('link').getAttribute('href'), /#\/audit\?finding_rule=mail&from=/);
  await audit(page, 'the rules');
  await desk.row('mail').click();
  assert.equal(await desk.field('findings').textContent(), '1');
  await audit(page, 'a rule');
  await picture(page, 'detections-rule');
});

test('a rule\'s count leads to the records behind it, by a filter that is shown and can be cleared', async () => {
  await desk.open('detections');
  await desk.row('mail').getByRole('link').click();
  await page.waitForURL(/#\/audit\?finding_rule=mail&from=/);
  const shown = page.locator('#audit [role="tabpanel"]:not([hidden]) tbody tr');
  await shown.first().waitFor();
  assert.equal(await shown.count(), 1);
  assert.equal(await page.inputValue('[name="finding_rule"]'), 'mail');
  await audit(page, 'the records behind a rule');
  await picture(page, 'detections-records');
  await page.fill('[name="finding_rule"]', '');
  await page.keyboard.press('Enter');
  await page.waitForFunction(() => !location.hash.includes('finding_rule'));
  await page.waitForFunction(() => document.querySelectorAll('#audit [role="tabpanel"]:not([hidden]) tbody tr').length > 1);
  await desk.open('detections');
  await desk.row('mail').waitFor();
});

test('a text is tried: what was found is marked, what would go on is shown, nothing is kept', async () => {
  const answer = await attempt('Ask ann@acme.dev 🐦 or bob@acme.dev');
  assert.deepEqual(await answer.locator('mark').allTextContents(), ['ann@acme.dev', 'bob@acme.dev']);
  assert.match(await answer.textContent(), /goes on without what was found.*\[REDACTED:PII_EMAIL\]/s);
  assert.match(await page.locator('.try').textContent(), /never stored, never logged/);
  await audit(page, 'a trial');
  await picture(page, 'detections-try');
  const stored = JSON.stringify(await desk.api('GET', '/audit/events?limit=1000'));
  assert.ok(!stored.includes('bob@acme'), 'the text stands in no record');
  assert.ok(!desk.gateway.log.includes('bob@acme'), 'the text stands in no log');
});

test('a rule that is disabled lets the text pass, and only its own lines of the file change', async () => {
  await tab('rules').click();
  await desk.row('mail').click();
  await desk.deed('Disable').click();
  await desk.press('Disable');
  assert.match(await desk.dialog().textContent(), /needed/);
  await confirm('Disable', 'It finds too much');
  await desk.row('mail').filter({ hasText: 'off' }).waitFor();
  assert.match((await sent('write to ann@acme.dev')).text, /ann@acme/);
  assert.ok((await readFile(file(), 'utf8')).startsWith('# A comment that stays.'));
  const answer = await attempt('Ask ann@acme.dev');
  await answer.getByText('Nothing was found.').waitFor();
  await tab('rules').click();
  await desk.row('mail').click();
  await desk.deed('Enable').click();
  await confirm('Enable', 'It was right after all');
  await desk.row('mail').filter({ hasText: 'redact' }).waitFor();
  assert.doesNotMatch((await sent('write to ann@acme.dev')).text, /ann@acme/);
});

test('a rule does something else for one AppContext', async () => {
  await desk.api('POST', '/app-contexts', { name: 'newsletter' });
  await page.reload();
  await desk.row('mail').click();
  await eventually(async () => {
    await desk.deed('Change action').click();
    const there = (await desk.input('app_context').locator('option').count()) > 1;
    if (!there) await desk.press('Cancel');
    return there;
  }, 'the AppContext');
  await desk.input('deed').selectOption('log');
  await desk.input('app_context').selectOption({ label: 'AppContext newsletter' });
  await audit(page, 'changing an action');
  await confirm('Change', 'Newsletters are full of addresses');
  await page.locator('#drawer [data-group="other actions for"]', { hasText: 'log' }).waitFor();
  await desk.row('mail').filter({ hasText: 'redact' }).waitFor();
});

test('a rule of one\'s own is tried on its examples, then stops calls', async () => {
  await page.click('#rule-add');
  for (const [name, value] of Object.entries({ ...OWN, rule_id: 'mail', found_in: 'nothing of it' })) await desk.input(name).fill(value);
  await desk.input('action').selectOption('block');
  await desk.press('Add the rule');
  await desk.dialog().locator('.field-error', { hasText: /mail/ }).waitFor();
  await desk.input('rule_id').fill(OWN.rule_id);
  await desk.press('Add the rule');
  await desk.dialog().locator('.field:has([name="found_in"]) .field-error', { hasText: /\w/ }).waitFor();
  await audit(page, 'a rule that is wrong');
  await picture(page, 'detections-add');
  await desk.input('found_in').fill(OWN.found_in);
  await desk.press('Add the rule');
  await desk.told(/nightjar is in force/);
  await desk.row('nightjar').filter({ hasText: 'own' }).waitFor();
  const { reason, text } = await sent('tell me about Project Nightjar');
  assert.equal(reason, 'content_filter');
  assert.equal(text, '', 'the provider got nothing');
});

test('a rule of one\'s own can be deleted', async () => {
  await desk.row('nightjar').click();
  await desk.deed('Delete this rule').click();
  await confirm('Delete', 'May is over');
  await desk.row('nightjar').waitFor({ state: 'detached' });
  assert.doesNotMatch(await readFile(file(), 'utf8'), /nightjar/);
  assert.match((await sent('tell me about Project Nightjar')).text, /Nightjar/);
});

test('the coverage tells what is scanned on every endpoint', async () => {
  await tab('coverage').click();
  const chat = page.locator('.coverage tbody tr', { hasText: 'chat/completions' }).first();
  await chat.waitFor();
  for (const surface of ['system', 'tool_result', 'assistant']) assert.match(await chat.textContent(), new RegExp(surface));
  assert.ok((await page.locator('.coverage tbody tr').count()) > 10);
  await audit(page, 'the coverage');
  await picture(page, 'detections-coverage');
});

test('a file that was refused is told with its line and reason', async () => {
  await desk.open('detections');
  const good = await readFile(file(), 'utf8');
  await writeFile(file(), `${good}\n[[rule]]\nid = "half"\n`);
  const error = page.locator('#detections-error');
  await error.waitFor();
  assert.match(await error.textContent(), /detections\.toml was not loaded.*line \d+/s);
  await audit(page, 'a refused file');
  await picture(page, 'detections-refused');
  await writeFile(file(), good);
  await error.waitFor({ state: 'detached' });
});

test('who may only look sees the rules and why nothing can be changed', async () => {
  const session = await desk.api('GET', '/admin/session');
  await page.route('**/api/v1/admin/session', (route) => route.fulfill({ json: { ...session, role: 'viewer' } }));
  await page.reload();
  await desk.row('mail').waitFor();
  assert.match(await page.locator('#rule-add').getAttribute('aria-description'), /policy author/);
  await audit(page, 'as a viewer');
  await page.unroute('**/api/v1/admin/session');
});

test('every state is fit to be seen, wide and narrow, in light and dark', async () => {
  const rules = await desk.api('GET', '/detections/rules');
  const [mail] = rules.rules;
  const actions = ['log', 'redact', 'block', 'quarantine'];
  const many = Array.from({ length: 400 }, (_, number) => ({
    ...mail, id: `national-identity-number-of-${number}`, type: `PII_NATIONAL_IDENTITY_${number}`, action: actions[number % 4], findings: 400 - number,
  }));
  const list = '**/api/v1/detections/rules?*';
  await page.unroute(list);
  await states(page, 'detections', {
    ready: { ready: () => desk.row('mail').waitFor() },
    empty: { routes: { [list]: { ...rules, rules: [] } }, ready: () => page.getByText('No rule matches').waitFor() },
    loading: { routes: { [list]: 'hang' }, ready: () => page.locator('.rules .skeleton').waitFor() },
    error: { routes: { [list]: 'fail' }, ready: () => page.getByRole('button', { name: 'Try again' }).waitFor() },
    crowded: { routes: { [list]: { ...rules, rules: many } }, ready: () => desk.row('national-identity-number-of-0').first().waitFor() },
  });
});

test('the page broke no rule of its content policy and threw nothing', () => {
  assert.deepEqual(desk.complaints, []);
});
