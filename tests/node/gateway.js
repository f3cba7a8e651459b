// A scripted upstream and a real server in front of it, for the Node and browser tests.

import { spawn, execFile } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const BINARY = process.env.PORTCULLIS_BIN ?? join(ROOT, 'target/debug/portcullis');
export const OUTPUT = process.env.PORTCULLIS_TEST_OUTPUT ?? join(ROOT, 'target/test-output');
export const PROVIDER_KEY = 'sk-test-provider-key';
export const ADMIN_PASSWORD = 'correct horse battery staple';
export const POLICY = `\
p,  developer, gpt-4o*,   allow
p2, developer, web:read,  allow
p2, developer, web:write, allow
`;

async function freePort() {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address();
  server.close();
  return port;
}

/** Polls until `check` returns something truthy. */
export async function eventually(check, what, within = 10_000) {
  const deadline = Date.now() + within;
  for (;;) {
    const found = await check();
    if (found) return found;
    if (Date.now() > deadline) throw new Error(`${what} did not come about within ${within} ms`);
    await sleep(50);
  }
}

/** One `portcullis serve` in a home directory of its own, and its upstream. */
export class Gateway {
  static async start(policy = POLICY, settings = {}) {
    const gateway = new Gateway();
    gateway.home = await mkdtemp(join(tmpdir(), 'portcullis-node-'));
    gateway.policyFile = join(gateway.home, 'policy.csv');
    await writeFile(gateway.policyFile, policy);
    gateway.upstream = spawn('python3', [join(ROOT, 'tests/upstream/scripted.py')], {
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    const [upstreamPort] = await once(createInterface(gateway.upstream.stdout), 'line');
    gateway.upstreamUrl = `http://127.0.0.1:${upstreamPort}`;
    gateway.port = await freePort();
    gateway.url = `http://127.0.0.1:${gateway.port}`;
    gateway.env = {
      PATH: process.env.PATH,
      HOME: gateway.home,
      PORTCULLIS_SERVER__BIND: `127.0.0.1:${gateway.port}`,
      PORTCULLIS_DATA_DIR: join(gateway.home, 'data'),
      PORTCULLIS_UPSTREAM__BASE_URL: `${gateway.upstreamUrl}/v1`,
      PORTCULLIS_POLICY__MODEL: join(ROOT, 'model.conf'),
      PORTCULLIS_POLICY__FILE: gateway.policyFile,
      PORTCULLIS_DETECTION__FILE: join(ROOT, 'detections.toml'),
      PORTCULLIS_ADMIN__PASSWORD: ADMIN_PASSWORD,
      ...settings,
    };
    await gateway.serve();
    return gateway;
  }

  /** Starts the server, also after `halt`. */
  async serve() {
    this.log = '';
    this.server = spawn(BINARY, ['serve'], { env: this.env, cwd: this.home, stdio: ['ignore', 'pipe', 'pipe'] });
    for (const pipe of [this.server.stdout, this.server.stderr]) pipe.on('data', (data) => (this.log += data));
    await eventually(async () => {
      if (this.server.exitCode !== null) throw new Error(`the server ended:\n${this.log}`);
      return fetch(`${this.url}/readyz`).then((reply) => reply.ok, () => false);
    }, 'readiness', 40_000);
  }

  /** SIGTERM to the server; the exit code must be 0. */
  async halt() {
    const ended = once(this.server, 'exit');
    this.server.kill('SIGTERM');
    const [code] = await ended;
    if (code !== 0) throw new Error(`the server ended with ${code}:\n${this.log}`);
  }

  async stop() {
    try {
      if (this.server?.exitCode === null) await this.halt();
    } finally {
      this.upstream.stdin.end();
      await rm(this.home, { recursive: true, force: true });
    }
  }

  /** The object that a command prints. */
  async command(...args) {
    const { stdout } = await promisify(execFile)(BINARY, [...args, '--json'], { env: this.env, cwd: this.home });
    return JSON.parse(stdout);
  }

  /** Registers an agent and returns a token of its own. */
  async createAgent(name, role = 'developer') {
    const { client_id, client_secret } = await this.command('agent', 'create', name, '--role', role);
    return eventually(async () => {
      const reply = await fetch(`${this.url}/api/v1/auth/token`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ client_id, client_secret, grant_type: 'client_credentials' }),
      });
      return reply.ok && (await reply.json()).access_token;
    }, `a token for ${name}`);
  }

  /** Makes a detection key for an agent, in an AppContext that allows these models, or all. */
  async createKey(agent, ...models) {
    const allowed = models.flatMap((model) => ['--allow-model', model]);
    const { id } = await this.command('app-context', 'create', `context-of-${agent}`, ...allowed);
    const { key } = await this.command('key', 'create', '--app-context', id, '--agent', agent);
    return eventually(async () => {
      const reply = await fetch(`${this.url}/v1/nothing`, { headers: { 'x-detection-key': key } });
      return reply.status !== 401 && key;
    }, `a key for ${agent}`);
  }

  /** The finished records of an agent, oldest first, once there are `count` of them. */
  async records(agent, count) {
    const login = await fetch(`${this.url}/api/v1/admin/login`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ username: 'admin', password: ADMIN_PASSWORD }),
    });
    const headers = { authorization: `Bearer ${(await login.json()).access_token}` };
    return eventually(async () => {
      const reply = await fetch(`${this.url}/api/v1/audit/events?limit=1000&agent=${agent}`, { headers });
      const { events } = await reply.json();
      const finished = events.filter((record) => record.outcome);
      return finished.length >= count && finished;
    }, `${count} records of ${agent}`);
  }

  /** One call on the agent surface. */
  call(token, body = {}, script = {}) {
    return fetch(`${this.url}/api/v1/openai/v1/chat/completions`, {
      method: 'POST',
      headers: {
        authorization: `Bearer ${token}`,
        'x-openai-key': PROVIDER_KEY,
        'x-script': JSON.stringify(script),
        'content-type': 'application/json',
      },
      body: JSON.stringify({ model: 'gpt-4o', messages: [{ role: 'user', content: 'Hello!' }], ...body }),
    });
  }

  /** What the upstream has received. */
  async received() {
    return (await fetch(`${this.upstreamUrl}/_calls`)).json();
  }
}
