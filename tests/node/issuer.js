// A small identity provider (OpenID Connect, authorization code with PKCE) for the browser tests: discovery, authorize,
// token, keys. Its sign-in page is one link per user; it signs with PS512.

import { createHash, constants, generateKeyPairSync, randomUUID, sign } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:http';

const CLIENT_ID = 'the gate';
const CLIENT_SECRET = 'a secret of the tests';
const KID = 'one';

const encoded = (value) => Buffer.from(JSON.stringify(value)).toString('base64url');

export class Issuer {
  /** `users` is who may sign in, by name, with the claims of each. */
  static async start(users) {
    const issuer = new Issuer();
    issuer.users = users;
    issuer.codes = new Map();
    issuer.redeemed = 0;
    issuer.keys = generateKeyPairSync('rsa', { modulusLength: 2048 });
    issuer.server = createServer((request, response) => {
      issuer.answer(request, response).catch((error) => response.writeHead(500).end(String(error)));
    }).listen(0, '127.0.0.1');
    await once(issuer.server, 'listening');
    issuer.url = `http://127.0.0.1:${issuer.server.address().port}`;
    return issuer;
  }

  stop() {
    this.server.closeAllConnections();
    this.server.close();
  }

  /** What a gate at this address must be told. */
  settings(gateUrl) {
    return {
      PORTCULLIS_SERVER__PUBLIC_URL: gateUrl,
      PORTCULLIS_ADMIN__OIDC__NAME: 'Corp',
      PORTCULLIS_ADMIN__OIDC__ISSUER: this.url,
      PORTCULLIS_ADMIN__OIDC__CLIENT_ID: CLIENT_ID,
      PORTCULLIS_ADMIN__OIDC__CLIENT_SECRET: CLIENT_SECRET,
      PORTCULLIS_ADMIN__OIDC__ROLES: 'auditors=analyst, staff=viewer',
    };
  }

  async answer(request, response) {
    const { pathname, searchParams } = new URL(request.url, this.url);
    const json = (status, body) => response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
    if (pathname === '/.well-known/openid-configuration') {
      return json(200, {
        issuer: this.url, authorization_endpoint: `${this.url}/authorize`, token_endpoint: `${this.url}/token`, jwks_uri: `${this.url}/keys`,
      });
    }
    if (pathname === '/keys') return json(200, { keys: [{ ...this.keys.publicKey.export({ format: 'jwk' }), kid: KID, use: 'sig' }] });
    if (pathname === '/authorize') return response.writeHead(200, { 'content-type': 'text/html' }).end(this.page(searchParams));
    if (pathname === '/token' && request.method === 'POST') {
      const body = new URLSearchParams((await request.toArray()).join(''));
      const token = this.redeem(body, request.headers.authorization);
      return token ? json(200, { access_token: 'opaque', token_type: 'Bearer', id_token: token }) : json(400, { error: 'invalid_grant' });
    }
    return json(404, {});
  }

  /** The provider's own page: who is it, or nobody. */
  page(asked) {
    const back = (answer) => `${asked.get('redirect_uri')}?${new URLSearchParams({ state: asked.get('state'), ...answer })}`.replaceAll('&', '&amp;');
    const links = Object.keys(this.users).map((user) => {
      const code = randomUUID();
      this.codes.set(code, { user, ...Object.fromEntries(asked) });
      return `<p><a id="${user}" href="${back({ code })}">${user}</a></p>`;
    });
    return `<!doctype html><title>Corp</title>${links.join('')}<p><a id="refuse" href="${back({ error: 'access_denied' })}">Cancel</a></p>`;
  }

  /** The ID token for a code, once, to who began the sign-in. */
  redeem(form, authorization = '') {
    const asked = this.codes.get(form.get('code'));
    this.codes.delete(form.get('code'));
    const [id, secret] = Buffer.from(authorization.replace('Basic ', ''), 'base64').toString().split(':').map((it) => decodeURIComponent(it.replaceAll('+', ' ')));
    const challenge = createHash('sha256').update(form.get('code_verifier') ?? '').digest('base64url');
    const good = asked && id === CLIENT_ID && secret === CLIENT_SECRET && asked.code_challenge_method === 'S256'
      && challenge === asked.code_challenge && form.get('redirect_uri') === asked.redirect_uri && form.get('grant_type') === 'authorization_code';
    if (!good) return null;
    this.redeemed += 1;
    const now = Math.floor(Date.now() / 1000);
    const claims = { iss: this.url, aud: CLIENT_ID, nonce: asked.nonce, iat: now, exp: now + 60, ...this.users[asked.user] };
    const message = `${encoded({ alg: 'PS512', typ: 'JWT', kid: KID })}.${encoded(claims)}`;
    const key = { key: this.keys.privateKey, padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: constants.RSA_PSS_SALTLEN_DIGEST };
    return `${message}.${sign('sha512', Buffer.from(message), key).toString('base64url')}`;
  }
}
