// Signing in at an identity provider, the whole way through the browser: there, back, and every way to be turned away.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { audit, launch, picture } from '../node/browser.js';
import { Gateway } from '../node/gateway.js';
import { Issuer } from '../node/issuer.js';

const USERS = {
  ann: { sub: 'sub-ann', preferred_username: 'Ann', roles: ['staff', 'auditors'] },
  eve: { sub: 'sub-eve', preferred_username: 'eve', roles: ['visitors'] },
};

let gateway;
let issuer;
let browser;
let page;
const complaints = [];

before(async () => {
  issuer = await Issuer.start(USERS);
  gateway = await Gateway.start();
  await gateway.halt();
  Object.assign(gateway.env, issuer.settings(gateway.url));
  await gateway.serve();
  browser = await launch();
  page = await browser.newPage({ viewport: { width: 1360, height: 820 } });
  page.setDefaultTimeout(15_000);
  page.on('pageerror', (error) => complaints.push(error.message));
  page.on('console', (message) => {
    if (/Content Security Policy|Uncaught/.test(message.text())) complaints.push(message.text());
  });
}, { timeout: 90_000 });

after(async () => {
  await browser?.close();
  await gateway?.stop();
  issuer?.stop();
});

const says = (text) => page.locator('#signin-error', { hasText: text }).waitFor();
const session = async () => page.request.get(`${gateway.url}/api/v1/admin/session`);

/** To the provider with the button of the sign-in page. */
async function leave() {
  await page.goto(gateway.url);
  await page.click('#signin-oidc');
  await page.waitForURL(`${issuer.url}/authorize?*`);
}

test('with the button, to the provider and back: signed in, with the role that the provider says', async () => {
  await leave();
  await page.click('#ann');
  await page.locator('#connection[data-state="live"]').waitFor();
  assert.equal(new URL(page.url()).origin, gateway.url);
  assert.equal(new URL(page.url()).search, '', 'no code is left in the address');
  const who = await (await session()).json();
  assert.deepEqual([who.username, who.role, who.source], ['ann', 'analyst', 'oidc']);
  await page.locator('.who-name', { hasText: /^ann$/ }).waitFor();
  await picture(page, 'oidc-signed-in');
  await audit(page, 'signed in by a provider');
  assert.equal(issuer.redeemed, 1);
});

test('signing out ends the session, and the way in is offered again', async () => {
  await page.click('#signout');
  await page.locator('#signin-oidc', { hasText: 'Sign in with Corp' }).waitFor();
  assert.equal((await session()).status(), 401);
  await page.reload();
  await page.locator('#signin-oidc').waitFor();
  await picture(page, 'oidc-signed-out');
});

test('who cancels at the provider is told so, and what to do', async () => {
  await leave();
  await page.click('#refuse');
  await says('The sign-in was cancelled, or Corp refused it. Try again.');
  assert.equal(new URL(page.url()).hash, '#/', 'a reload is no new failure');
  assert.equal((await session()).status(), 401);
  await picture(page, 'oidc-refused');
  await audit(page, 'sign-in refused by a provider');
});

test('who has no role here is sent to the administrator', async () => {
  await leave();
  await page.click('#eve');
  await says('Corp knows you, but this gate gives you no role. Ask its administrator.');
  assert.equal((await session()).status(), 401);
  await picture(page, 'oidc-no-role');
});

test('a sign-in that another browser began is none, and the provider is not asked', async () => {
  const asked = issuer.redeemed;
  await leave();
  const back = new URL(await page.locator('#ann').getAttribute('href'));
  back.searchParams.set('state', 'of-another-browser');
  await page.goto(back.href);
  await says('or began in another browser');
  assert.equal((await session()).status(), 401);
  const stranger = await browser.newPage();
  await leave();
  await stranger.goto(await page.locator('#ann').getAttribute('href'));
  await stranger.locator('#signin-error', { hasText: 'or began in another browser' }).waitFor();
  assert.equal((await stranger.request.get(`${gateway.url}/api/v1/admin/session`)).status(), 401);
  await stranger.close();
  assert.equal(issuer.redeemed, asked);
});

test('the page broke no rule of its content policy and threw nothing', () => {
  assert.deepEqual(complaints, []);
});
