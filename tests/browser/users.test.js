// The page of users, as an administrator uses it, and what a viewer may do. The tests tell one story and run in order.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { audit, picture, states } from '../node/browser.js';
import { Desk } from '../node/desk.js';
import { eventually } from '../node/gateway.js';

const NAME = 'maria';

let desk;
let password;
let viewer;

before(async () => {
  desk = await Desk.start();
  await desk.api('POST', '/agents', { name: 'night-batch', roles: ['developer'] });
}, { timeout: 60_000 });

after(() => desk?.stop());

const user = async () => (await desk.api('GET', '/users')).users.find(({ username }) => username === NAME);

/** What the API answers to the viewer. */
const asViewer = (method, path, data) => viewer.request.fetch(`${desk.gateway.url}/api/v1${path}`, { method, data, headers: { 'x-portcullis-csrf': '1' } });

/** What signing in with this password is answered with. */
async function signInWith(secret) {
  const reply = await fetch(`${desk.gateway.url}/api/v1/admin/login`, {
    method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify({ username: NAME, password: secret }),
  });
  return reply.status;
}

test('a user is made, and the password that the gate made is shown once', async () => {
  const { page } = desk;
  await desk.open('users');
  await desk.row('admin').filter({ hasText: 'you' }).waitFor();
  await page.getByRole('button', { name: 'New user' }).click();
  await desk.input('username').fill(NAME);
  await audit(page, 'the form of a new user');
  await picture(page, 'users-new');
  await desk.press('Create');
  await desk.dialog().filter({ hasText: `The password of ${NAME}` }).waitFor();
  password = await desk.dialog().locator('.secret code').textContent();
  await picture(page, 'users-password');
  await desk.finish();
  assert.ok(!(await page.content()).includes(password));
  assert.equal((await user()).role, 'viewer');
});

test('a viewer sees agents, and finds what it may not do disabled, and refused', async () => {
  viewer = await desk.signedIn(NAME, password);
  assert.equal(await viewer.locator('nav [data-page="users"]').count(), 0);
  await viewer.goto(`${desk.gateway.url}/#/agents?id=night-batch`);
  const suspend = viewer.locator('#drawer').getByRole('button', { name: 'Suspend' });
  assert.match(await suspend.getAttribute('aria-description'), /needs the role admin/);
  await suspend.click({ force: true });
  await viewer.getByRole('button', { name: 'New agent' }).click({ force: true });
  assert.equal(await viewer.locator('dialog[open]').count(), 0);
  await audit(viewer, 'an agent, for a viewer');
  await picture(viewer, 'agents-viewer');
  for (const [method, path, body] of [
    ['POST', '/agents/night-batch/suspend'], ['POST', '/agents', { name: 'x', roles: [] }], ['POST', '/app-contexts', { name: 'x' }],
    ['GET', '/users'], ['PATCH', `/users/${NAME}`, { role: 'admin' }],
  ]) assert.equal((await asViewer(method, path, body)).status(), 403, `${method} ${path}`);
  assert.equal((await desk.api('GET', '/agents/night-batch')).status, 'active');
});

test('with the role of an administrator it may', async () => {
  await desk.row(NAME).click();
  await audit(desk.page, 'a user');
  await picture(desk.page, 'users-detail');
  await desk.deed('Change role').click();
  await desk.input('role').selectOption('admin');
  await desk.press('Save');
  await desk.told('has a new role');
  assert.equal(await desk.field('role').textContent(), 'Administrator');
  assert.equal((await asViewer('GET', '/agents')).status(), 401, 'its sessions ended');
});

test('everybody changes their own password', async () => {
  viewer = await desk.signedIn(NAME, password);
  assert.equal((await asViewer('GET', '/users')).status(), 200);
  await viewer.click('#password');
  const dialog = viewer.locator('dialog[open]');
  const fill = (name, text) => dialog.locator(`[name="${name}"]`).fill(text);
  const save = () => dialog.getByRole('button', { name: 'Change password' }).click();
  await fill('current', 'wrong');
  await fill('next', 'a longer password than before');
  await fill('again', 'another');
  await save();
  await dialog.getByText('This is not the same.').waitFor();
  await fill('again', 'a longer password than before');
  await save();
  await dialog.getByRole('alert').waitFor();
  await picture(viewer, 'users-own-password');
  await fill('current', password);
  await save();
  await viewer.locator('.toast', { hasText: 'Your password is changed' }).waitFor();
  assert.equal(await signInWith(password), 401);
  password = 'a longer password than before';
  assert.equal(await signInWith(password), 200);
});

test('a reset password is worthless, and so are its sessions', async () => {
  await desk.confirm('Reset password');
  await desk.dialog().filter({ hasText: `The password of ${NAME}` }).waitFor();
  const next = await desk.dialog().locator('.secret code').textContent();
  await desk.finish();
  assert.equal(await signInWith(password), 401);
  assert.equal(await signInWith(next), 200);
  password = next;
});

test('sessions are ended, a user is disabled and enabled, and deleted', async () => {
  await desk.page.reload();
  await desk.confirm('End sessions');
  await desk.told('that ended');
  await eventually(async () => (await user()).sessions === 0, 'the end of its sessions');
  await desk.confirm('Disable');
  await desk.row(NAME).filter({ hasText: 'Disabled' }).waitFor();
  assert.notEqual(await signInWith(password), 200);
  await desk.deed('Enable').click();
  await desk.told('may sign in again');
  assert.equal(await signInWith(password), 200);
  await desk.confirm('Delete');
  await desk.told('is deleted');
  assert.equal(await user(), undefined);
});

test('nobody shuts themselves out', async () => {
  await desk.row('admin').click();
  for (const label of ['Change role', 'Disable', 'Delete']) {
    assert.equal(await desk.deed(label).getAttribute('aria-disabled'), 'true', label);
  }
  await desk.page.keyboard.press('Escape');
});

test('every state is fit to look at', async () => {
  const list = '**/api/v1/users';
  const { users: [one] } = await desk.api('GET', '/users');
  const users = Array.from({ length: 120 }, (_, at) => ({
    ...one, username: `${at % 2 ? 'somebody.with.a.long.name@example.com' : 'user'}-${at}`, disabled: at % 9 === 0, source: at % 4 ? 'password' : 'oidc',
    role: ['viewer', 'analyst', 'policy_author', 'admin'][at % 4], sessions: at % 3,
  }));
  await states(desk.page, 'users', {
    empty: { routes: { [list]: { users: [] } }, ready: (page) => page.getByText('No users yet').waitFor() },
    loading: { routes: { [list]: 'hang' }, ready: (page) => page.locator('.skeleton').waitFor() },
    error: { routes: { [list]: 'fail' }, ready: (page) => page.getByText('The database does not answer.').waitFor() },
    crowded: { routes: { [list]: { users } }, ready: (page) => page.getByText('120 users').waitFor() },
  });
  await desk.row('admin').waitFor();
  await audit(desk.page, 'the users');
});

test('the page broke no rule of its content policy and threw nothing', () => {
  assert.deepEqual(desk.complaints, []);
});
