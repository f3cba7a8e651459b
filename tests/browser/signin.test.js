// Signing in: by password, by a provider, and what is said when it fails or ends.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { audit, launch, states } from '../node/browser.js';
import { ADMIN_PASSWORD, Gateway } from '../node/gateway.js';

const WAYS = '**/api/v1/admin/sign-in';
const PROVIDER = { name: 'Acme SSO', url: '/api/v1/admin/oidc/start' };

let gateway;
let browser;
let page;
const complaints = [];

before(async () => {
  gateway = await Gateway.start();
  browser = await launch();
  page = await browser.newPage({ viewport: { width: 1360, height: 820 } });
  page.setDefaultTimeout(10_000);
  page.on('pageerror', (error) => complaints.push(error.message));
  page.on('console', (message) => {
    if (/Content Security Policy|Uncaught/.test(message.text())) complaints.push(message.text());
  });
}, { timeout: 60_000 });

after(async () => {
  await browser?.close();
  await gateway?.stop();
});

const says = (text) => page.locator('#signin-error', { hasText: text }).waitFor();
async function fill(username, password) {
  await page.fill('#username', username);
  await page.fill('#password', password);
  await page.click('#signin');
}

test('what is missing or wrong is said where it is, and by whom it can be read', async () => {
  await page.goto(gateway.url);
  await page.locator('#username').waitFor();
  await page.click('#signin');
  await says('Enter your username.');
  assert.equal(await page.locator('#username').getAttribute('aria-invalid'), 'true');
  await fill('admin', 'wrong');
  await says('Username or password is wrong.');
  assert.equal(await page.locator('#password').inputValue(), '');
  assert.equal(await page.evaluate(() => document.activeElement.id), 'password');
  await page.click('#reveal');
  assert.equal(await page.locator('#password').getAttribute('type'), 'text');
  await page.click('#reveal');
});

test('the way of a provider is offered when the gate has one', async () => {
  await page.route(WAYS, (route) => route.fulfill({ json: { password: true, oidc: PROVIDER } }));
  await page.goto(gateway.url);
  const link = page.locator('#signin-oidc', { hasText: 'Sign in with Acme SSO' });
  await link.waitFor();
  assert.equal(await link.getAttribute('href'), PROVIDER.url);
  await page.locator('#username').waitFor();
  await page.unroute(WAYS);
  await page.route(WAYS, (route) => route.fulfill({ json: { password: false, oidc: PROVIDER } }));
  await page.reload();
  await link.waitFor();
  assert.equal(await page.locator('#username').isVisible(), false);
  await page.unroute(WAYS);
});

test('why a provider’s sign-in failed is said in words, once', async () => {
  await page.route(WAYS, (route) => route.fulfill({ json: { password: true, oidc: PROVIDER } }));
  const words = {
    busy: /Wait a minute/, denied: /cancelled, or Acme SSO refused/, expired: /took too long/, not_allowed: /gives you no role/, provider: /Acme SSO could not be asked/, other: /failed/,
  };
  for (const [code, text] of Object.entries(words)) {
    await page.goto('about:blank');
    await page.goto(`${gateway.url}/#/?sign_in_error=${code}`);
    await says(text);
    assert.equal(new URL(page.url()).hash, '#/');
  }
  await page.unroute(WAYS);
});

test('it is readable to everyone, in all its states', async () => {
  await page.goto(gateway.url);
  const ready = () => page.locator('#signin').waitFor();
  await audit(page, 'sign-in');
  await states(page, 'signin', {
    ready: { ready },
    loading: { routes: { '**/admin/session': 'hang' }, ready: () => page.locator('.boot').waitFor() },
    error: { routes: { '**/admin/session': 'fail' }, ready: () => page.locator('text=The database does not answer').waitFor() },
    crowded: { routes: { [WAYS]: { password: true, oidc: PROVIDER } }, ready: () => page.locator('#signin-oidc').waitFor() },
  });
});

test('a session that ends elsewhere leads here, and says so', async () => {
  await fill('admin', ADMIN_PASSWORD);
  await page.locator('#connection[data-state="live"]').waitFor();
  await page.evaluate(() => fetch('/api/v1/admin/logout', { method: 'POST', headers: { 'x-portcullis-csrf': '1' } }));
  await page.locator('#signin-ended', { hasText: 'Your session ended' }).waitFor({ timeout: 30_000 });
  await audit(page, 'sign-in after the end of a session');
});

test('who tries too often waits, and sees how long', async () => {
  await page.reload();
  for (let attempt = 0; attempt < 8; attempt += 1) {
    if (await page.locator('#signin', { hasText: /\(\d+ s\)/ }).count()) break;
    await fill('nobody', `guess ${attempt}`);
    await page.locator('#signin-error', { hasText: /wrong|Too many/ }).waitFor();
    await page.locator('#signin:not(:text("Signing in"))').waitFor();
  }
  await says(/Too many failed attempts. Wait \d+ s/);
  assert.equal(await page.locator('#signin').isDisabled(), true);
  const left = async () => Number((await page.locator('#signin').textContent()).match(/\d+/)[0]);
  const first = await left();
  await page.waitForFunction((was) => Number(document.querySelector('#signin').textContent.match(/\d+/)[0]) < was, first);
});

test('the page broke no rule of its content policy and threw nothing', () => {
  assert.deepEqual(complaints, []);
});
