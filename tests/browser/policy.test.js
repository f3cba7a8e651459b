// The policy page, as an author of policies uses it: against a real gate, with real calls. The tests tell one story and
// run in order.

import assert from 'node:assert/strict';
import { readFile, writeFile } from 'node:fs/promises';
import { after, before, test } from 'node:test';
import { audit, picture, states } from '../node/browser.js';
import { Desk } from '../node/desk.js';
import { POLICY } from '../node/gateway.js';
import { merge } from '../../static/js/policy/merge.js';

const AGENT = 'research-bot';
const DENIAL = `p, ${AGENT}, gpt-4o, deny\n`;
const REASON = 'Research has its own budget now';

let desk;
let gateway;
let page;
let token;

before(async () => {
  desk = await Desk.start();
  ({ gateway, page } = desk);
  token = await gateway.createAgent(AGENT);
}, { timeout: 60_000 });

after(() => desk?.stop());

const area = () => page.getByRole('textbox', { name: 'policy.csv' });
const fact = (name) => page.locator(`[data-fact="${name}"]`);
const tab = (name) => page.locator(`[data-tab="${name}"]`);
const lint = (words) => page.locator('#lint', { hasText: words }).waitFor();
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

test('a rule for agents that are not there yet gets a note, and without a draft the policy in force is replayed', async () => {
  await open();
  await tab('what-if').click();
  await page.click('#what-if-run');
  await page.locator('#what-if', { hasText: 'records replayed' }).waitFor();
  await tab('editor').click();
  await write('p, type:batch, gpt-4o, allow\n');
  await lint('1 note Line 4: no agent is of the type batch');
  assert.equal(await page.locator('.code-note[data-tone="note"] code').textContent(), 'batch');
  await audit(page, 'a note');
  await picture(page, 'policy-note');
  await page.click('#policy-discard');
  await open(); // and no toast is left over
  await lint('No problems found');
});

test('what is wrong with a line is told under it while it is written', async () => {
  await write('p, developer, gpt-5, alow\n');
  const note = page.locator('.code-line:nth-child(4) .code-note[data-tone="bad"]');
  await note.waitFor();
  assert.match(await note.textContent(), /alow/);
  await lint(/1 error.*Line 4/);
  assert.equal(await area().getAttribute('aria-invalid'), 'true');
  assert.equal(await page.locator('#policy-save').getAttribute('aria-disabled'), 'true');
  // The note makes room in the layer; what is written behind it stands over its twin all the same.
  await page.keyboard.insertText('# behind');
  const apart = await page.evaluate(() => {
    const area = document.querySelector('.editor-text');
    const pitch = Number.parseFloat(getComputedStyle(area).lineHeight);
    return area.getBoundingClientRect().top + 4 * pitch - document.querySelectorAll('.code-line')[4].getBoundingClientRect().top;
  });
  assert.ok(Math.abs(apart) < 1, `the caret stands ${apart} px beside its line`);
  const lines = () => page.locator('.policy-text .code-line');
  for (const [line, at] of [[2, 1], [5, 4]]) {
    await lines().nth(at).click({ position: { x: 300, y: 10 }, force: true });
    await page.keyboard.insertText('!');
    await lines().nth(at).filter({ hasText: /!$/ }).waitFor();
    assert.match((await area().inputValue()).split('\n')[line - 1], /!$/, 'a click leads to the line that is seen');
    await page.keyboard.press('Backspace');
    await page.waitForTimeout(400); // until the gate has read it again
    await lint(/1 error.*Line 4/);
  }
  await picture(page, 'policy-wrong-line');
  await audit(page, 'the editor with an error');
});

test('Tab leaves the editor, undo brings back what stood there', async () => {
  await area().focus();
  await page.keyboard.press('Tab');
  assert.notEqual(await page.evaluate(() => document.activeElement.className), 'editor-text');
  await page.click('#policy-discard');
  assert.equal(await area().inputValue(), POLICY);
  await page.locator('.toast button', { hasText: 'Undo' }).click();
  assert.match(await area().inputValue(), /alow/);
  await area().focus();
  await page.keyboard.press('Control+Z');
  assert.equal(await area().inputValue(), POLICY);
  await lint(/No problems/);
});

test('a draft survives a reload and another page', async () => {
  await write(DENIAL);
  await page.reload();
  await page.waitForFunction((text) => document.querySelector('.editor-text')?.value === text, POLICY + DENIAL);
  await page.click('nav [data-page="activity"]');
  await page.locator('#stream').waitFor();
  await page.click('nav [data-page="policy"]');
  await page.waitForFunction((text) => document.querySelector('.editor-text')?.value === text, POLICY + DENIAL);
});

test('what-if names the agent that loses a model, with the way to its records', async () => {
  assert.equal(await status(), 200);
  await gateway.records(AGENT, 1);
  await tab('what-if').click();
  await page.click('#what-if-run');
  const loses = page.locator('[data-side="loses"]');
  await loses.filter({ hasText: `${AGENT} gpt-4o` }).waitFor();
  assert.match(await loses.locator('a').getAttribute('href'), new RegExp(`#/audit\\?agent=${AGENT}&model=gpt-4o`));
  assert.equal(await page.locator('[data-figure="calls would flip"] dd').textContent(), '1');
  assert.match(await page.getByRole('region', { name: 'Calls that would flip' }).textContent(), /allow → deny/);
  await picture(page, 'policy-what-if');
  await audit(page, 'what-if');
});

test('the changes are shown, saved with a reason, and the next call is denied', async () => {
  await tab('changes').click();
  await page.locator('.diff-line[data-kind="added"]', { hasText: AGENT }).waitFor();
  await audit(page, 'the changes');
  await page.click('#policy-save');
  const dialog = page.locator('#save-dialog');
  await dialog.locator('.button-primary').click();
  await dialog.locator('.field-error', { hasText: 'needed' }).waitFor();
  await dialog.locator('[name="reason"]').fill(REASON);
  await picture(page, 'policy-save');
  await audit(page, 'saving');
  const before = await fact('version').textContent();
  await dialog.locator('.button-primary').click();
  await desk.told(/is in force/);
  assert.notEqual(await fact('version').textContent(), before);
  assert.equal(await readFile(gateway.policyFile, 'utf8'), POLICY + DENIAL);
  assert.equal(await status(), 403);
  assert.equal(await status('gpt-4o-mini'), 200);
  assert.equal(await page.evaluate(() => sessionStorage.length), 0, 'a saved draft is forgotten');
});

test('"explain" names the rule that decides and marks its line', async () => {
  await tab('editor').click();
  const ask = page.locator('#explain');
  await ask.locator('[name="agent"]').fill(AGENT);
  await ask.locator('[name="model"]').fill('gpt-4o');
  await ask.getByRole('button').click();
  await page.locator('.explain-result[data-result="deny"]', { hasText: /line 4/ }).waitFor();
  await page.locator('.code-line:nth-child(4).is-strong').waitFor();
  assert.match(page.url(), new RegExp(`agent=${AGENT}&model=gpt-4o`));
  await picture(page, 'policy-explain');
  await audit(page, 'explain');
});

test('versions tell who, when and why; rolled back, the call is allowed again', async () => {
  await tab('versions').click();
  const row = page.getByRole('row').filter({ hasText: REASON });
  await row.waitFor();
  assert.match(await row.textContent(), /admin.*\+1/);
  await audit(page, 'versions');
  await page.getByRole('grid', { name: 'Versions of policy.csv' }).locator('tbody tr').nth(1).click();
  const dialog = page.locator('dialog[open]');
  await dialog.locator('.diff-line[data-kind="removed"]', { hasText: AGENT }).waitFor();
  await picture(page, 'policy-version');
  await audit(page, 'a version');
  await dialog.locator('[name="reason"]').fill('It was too early');
  await dialog.locator('.button-primary').click();
  await desk.told(/in force again/);
  assert.equal(await readFile(gateway.policyFile, 'utf8'), POLICY);
  assert.equal(await status(), 200);
});

test('the file edited by hand is followed, and a draft goes on from the new text', async () => {
  await open();
  await writeFile(gateway.policyFile, `# by hand\n${POLICY}`);
  await page.waitForFunction((text) => document.querySelector('.editor-text').value === text, `# by hand\n${POLICY}`);
  await write(DENIAL);
  await writeFile(gateway.policyFile, `# by hand, again\n${POLICY}`);
  const conflict = page.locator('#policy-conflict');
  await conflict.waitFor();
  assert.equal(await area().inputValue(), `# by hand\n${POLICY}${DENIAL}`, 'the draft is kept');
  await picture(page, 'policy-conflict');
  await audit(page, 'a conflict');
  await conflict.getByRole('button', { name: 'See what changed' }).click();
  const dialog = page.locator('dialog[open]');
  await dialog.locator('.diff-line[data-kind="added"]', { hasText: 'again' }).waitFor();
  await dialog.locator('.button-primary').click();
  assert.equal(await area().inputValue(), `# by hand, again\n${POLICY}${DENIAL}`);
  await conflict.waitFor({ state: 'detached' });
});

test('a save that comes too late writes over nothing', async () => {
  await page.click('#policy-save');
  const dialog = page.locator('#save-dialog');
  await dialog.locator('[name="reason"]').fill('too late');
  // Somebody writes between the page's last look and the save.
  await page.route('**/api/v1/policy', async (route) => {
    if (route.request().method() === 'PUT') await writeFile(gateway.policyFile, `# faster\n${POLICY}`);
    await route.continue();
  });
  await dialog.locator('.button-primary').click();
  await page.locator('#policy-conflict').waitFor();
  await page.unroute('**/api/v1/policy');
  assert.equal(await readFile(gateway.policyFile, 'utf8'), `# faster\n${POLICY}`);
  await page.locator('#policy-conflict').getByRole('button', { name: 'Put my changes on top' }).click();
  assert.equal(await area().inputValue(), `# faster\n${POLICY}${DENIAL}`);
  await page.click('#policy-save');
  await dialog.locator('[name="reason"]').fill('now in time');
  await dialog.locator('.button-primary').click();
  await desk.told(/is in force/);
  assert.equal(await readFile(gateway.policyFile, 'utf8'), `# faster\n${POLICY}${DENIAL}`);
});

test('a refused file is mended in the editor', async () => {
  await writeFile(gateway.policyFile, `${POLICY}p, developer, gpt-5\n`);
  await page.locator('#policy-error').waitFor();
  await page.waitForFunction(() => document.querySelector('.editor-text').value.endsWith('gpt-5\n'));
  await area().focus();
  await page.keyboard.press('Control+End');
  await page.keyboard.press('Backspace');
  await page.keyboard.insertText(', allow\n');
  await lint(/No problems/);
  await page.click('#policy-save');
  await page.locator('#save-dialog [name="reason"]').fill('mended');
  await page.locator('#save-dialog .button-primary').click();
  await page.locator('#policy-error').waitFor({ state: 'detached' });
  assert.match(await readFile(gateway.policyFile, 'utf8'), /gpt-5, allow\n$/);
});

test('who may only look sees the policy and why nothing can be changed', async () => {
  const session = await (await page.request.get(`${gateway.url}/api/v1/admin/session`)).json();
  await page.route('**/api/v1/admin/session', (route) => route.fulfill({ json: { ...session, role: 'viewer' } }));
  await open();
  assert.equal(await area().getAttribute('readonly'), '');
  assert.match(await page.locator('#policy-save').getAttribute('aria-description'), /policy author/);
  await audit(page, 'as a viewer');
  await page.unroute('**/api/v1/admin/session');
});

test('every state is fit to be seen, wide and narrow, in light and dark', async () => {
  await open();
  const policy = await (await page.request.get(`${gateway.url}/api/v1/policy`)).json();
  const rules = Array.from({ length: 900 }, (_, number) => `p, role-${number}, (gpt-4o|o3|a-model-with-a-long-name-${number})*, allow`);
  await audit(page, 'the editor');
  await states(page, 'policy', {
    ready: { ready: () => page.locator('.code-line').first().waitFor() },
    empty: { routes: { '**/api/v1/policy': { ...policy, text: '' } }, ready: () => page.locator('.code-line').first().waitFor() },
    loading: { routes: { '**/api/v1/policy': 'hang' }, ready: () => page.locator('.policy-message .skeleton').waitFor() },
    error: { routes: { '**/api/v1/policy': 'fail' }, ready: () => page.getByRole('button', { name: 'Try again' }).waitFor() },
    crowded: {
      routes: { '**/api/v1/policy': { ...policy, text: `${rules.join('\n')}\n` } },
      ready: () => page.locator('.code-line').nth(899).waitFor({ state: 'attached' }),
    },
  });
});

test('the page broke no rule of its content policy and threw nothing', () => {
  assert.deepEqual(desk.complaints, []);
});
