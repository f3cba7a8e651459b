// A gate with as much traffic as wanted: passes everything on to a real one, but tells of made-up exchanges on the
// activity stream. So the page's work can be measured without the gate's and the agents'.

import { once } from 'node:events';
import { createServer, request } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';

const TICK_MS = 50;
const OUTCOMES = ['completed', 'completed', 'completed', 'completed', 'completed', 'denied', 'blocked', 'upstream_error'];
const FINDING = { type: 'PII_SSN', class: 'pii', severity: 'HIGH', lifecycle: 'ingress', surface: 'message', action: 'redact', rule: 'ssn', count: 2 };

export class BusyGate {
  /** `template` is a real finished record, whose fields the made-up ones have. */
  static async start(gateway, template, perSecond) {
    const busy = new BusyGate();
    Object.assign(busy, { target: new URL(gateway.url), template, perSecond, told: 0, open: [] });
    busy.server = createServer((incoming, reply) => busy.#answer(incoming, reply)).listen(0, '127.0.0.1');
    await once(busy.server, 'listening');
    busy.url = `http://127.0.0.1:${busy.server.address().port}`;
    return busy;
  }

  stop() {
    this.server.closeAllConnections();
    this.server.close();
  }

  #answer(incoming, reply) {
    if (incoming.url.startsWith('/api/v1/activity/stream')) return this.#stream(reply);
    const { hostname, port } = this.target;
    const { url: path, method, headers } = incoming;
    const onward = request({ hostname, port, path, method, headers: { ...headers, host: this.target.host } }, (answer) => {
      reply.writeHead(answer.statusCode, answer.headers);
      answer.pipe(reply);
    });
    onward.on('error', () => reply.destroy());
    incoming.pipe(onward);
  }

  #stream(reply) {
    reply.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-store' });
    const tell = (event, value) => reply.write(`event: ${event}\nid: made-up:${this.told}\ndata: ${JSON.stringify(value)}\n\n`);
    tell('hello', { epoch: 'made-up' });
    const began = Date.now();
    let sent = 0;
    const timer = setInterval(() => {
      const due = Math.floor(((Date.now() - began) / 1_000) * this.perSecond);
      for (; sent < due; sent += 1) {
        const record = this.#record();
        this.open.push(record);
        tell('started', { ...record, outcome: null, status_code: null, latency_ms: null });
        if (this.open.length > this.perSecond) tell('exchange', this.open.shift());
        this.told += 1;
      }
    }, TICK_MS);
    reply.on('close', () => clearInterval(timer));
  }

  #record() {
    const number = this.told;
    const outcome = OUTCOMES[number % OUTCOMES.length];
    return {
      ...this.template,
      id: uuid(Date.now(), number),
      started_at: new Date().toISOString(),
      agent_name: `agent-${number % 40}`,
      model: `gpt-4o-${number % 12}`,
      outcome,
      policy_result: outcome === 'denied' ? 'deny' : 'allow',
      status_code: outcome === 'denied' ? 403 : 200,
      latency_ms: 20 + ((number * 37) % 900),
      findings: outcome === 'blocked' ? [FINDING] : [],
      tools_removed: number % 5 === 0 ? ['shell'] : [],
    };
  }
}

/** A UUIDv7 of this moment; the number keeps those of one millisecond in order. */
function uuid(at, number) {
  const time = at.toString(16).padStart(12, '0');
  const order = (number % 4_096).toString(16).padStart(3, '0');
  return `${time.slice(0, 8)}-${time.slice(8)}-7${order}-8000-${number.toString(16).padStart(12, '0')}`;
}

/** What the page holds: bytes of live objects, elements and listeners. */
export async function weigh(debug) {
  await debug.send('HeapProfiler.collectGarbage');
  const { metrics } = await debug.send('Performance.getMetrics');
  const of = (name) => metrics.find((metric) => metric.name === name).value;
  return { heapBytes: of('JSHeapUsedSize'), nodes: of('Nodes'), listeners: of('JSEventListeners') };
}

/**
 * The tasks of the next `ms` milliseconds, longest first, in milliseconds of the processor: a machine with other things
 * to do stretches the clock's time, not this.
 */
export async function tasksOf(debug, ms) {
  const tasks = [];
  const collect = ({ value }) => tasks.push(...value.filter(({ name, ph }) => name === 'RunTask' && ph === 'X').map(({ tdur = 0 }) => tdur / 1_000));
  debug.on('Tracing.dataCollected', collect);
  const complete = new Promise((resolve) => debug.once('Tracing.tracingComplete', resolve));
  await debug.send('Tracing.start', { categories: 'disabled-by-default-devtools.timeline', transferMode: 'ReportEvents' });
  await sleep(ms);
  await debug.send('Tracing.end');
  await complete;
  debug.off('Tracing.dataCollected', collect);
  return tasks.sort((one, other) => other - one);
}

/** The debugger's session that both need. */
export async function debuggerOf(page) {
  const debug = await page.context().newCDPSession(page);
  await debug.send('Performance.enable');
  await debug.send('HeapProfiler.enable');
  return debug;
}
