// A gate, a browser and an administrator in front of the dashboard, for the tests of its pages.

import assert from 'node:assert/strict';
import OpenAI from 'openai';
import { launch, signIn } from './browser.js';
import { ADMIN_PASSWORD, Gateway } from './gateway.js';

const PATIENCE_MS = 10_000;

/** One call with the official package; `answered`, or what the error says. */
export async function answerOf(options, model = 'gpt-4o') {
  try {
    await new OpenAI({ maxRetries: 0, ...options }).chat.completions.create({ model, messages: [{ role: 'user', content: 'Hello!' }] });
    return 'answered';
  } catch (error) {
    return error.code ?? error.message;
  }
}

export class Desk {
  static async start(...settings) {
    const desk = new Desk();
    desk.gateway = await Gateway.start(...settings);
    desk.browser = await launch();
    desk.complaints = [];
    desk.page = await desk.signedIn('admin', ADMIN_PASSWORD);
    return desk;
  }

  /** A page of a browser of its own, signed in. */
  async signedIn(username, password) {
    const page = await this.browser.newPage({ viewport: { width: 1360, height: 820 } });
    page.setDefaultTimeout(PATIENCE_MS);
    page.on('pageerror', (error) => this.complaints.push(`error: ${error.message}`));
    page.on('console', (message) => {
      if (/Content Security Policy|Uncaught/.test(message.text())) this.complaints.push(message.text());
    });
    await signIn(page, this.gateway, username, password);
    await page.goto(this.gateway.url);
    await page.locator('#connection[data-state="live"]').waitFor();
    return page;
  }

  async stop() {
    await this.browser?.close();
    await this.gateway?.stop();
  }

  /** What the API answers to the administrator. */
  async api(method, path, data) {
    const reply = await this.page.request.fetch(`${this.gateway.url}/api/v1${path}`, {
      method, data, headers: { 'x-portcullis-csrf': '1' },
    });
    assert.ok(reply.ok(), `${method} ${path}: ${reply.status()} ${await reply.text()}`);
    return reply.status() === 204 ? null : reply.json();
  }

  open = (hash) => this.page.goto(`${this.gateway.url}/#/${hash}`);
  row = (text) => this.page.locator('.table tbody tr').filter({ hasText: text });
  field = (name) => this.page.locator(`#drawer [data-field="${name}"]`);
  /** A button of the drawer. */
  deed = (label) => this.page.locator('#drawer').getByRole('button', { name: label, exact: true });
  dialog = () => this.page.locator('dialog[open]').last();
  input = (name) => this.dialog().locator(`[name="${name}"]`);
  told = (text) => this.page.locator('.toast', { hasText: text }).last().waitFor();

  /** Clicks a button of the dialog that stands open. */
  press = (label) => this.dialog().getByRole('button', { name: label, exact: true }).click();

  /** Closes the dialog with a secret. */
  async finish() {
    await this.press('Done');
    await this.page.locator('dialog').waitFor({ state: 'detached' });
  }

  /** Clicks a button of the drawer and confirms. */
  async confirm(label, confirmation = label) {
    await this.deed(label).click();
    await this.press(confirmation);
  }
}
