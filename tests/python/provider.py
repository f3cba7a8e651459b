"""A scripted identity provider: an issuer at which users sign in (authorization code with PKCE), and a browser.

`users` is who may sign in, with the claims of each; `said` changes what the next ID tokens say, `tampered` is given
each ID token and returns another. Codes are good once unless `forgets` is set.
"""

import base64
import hashlib
import json
import secrets
import time
from urllib.parse import parse_qs, unquote_plus, urlsplit

import httpx

from issuer import Issuer, document

CLIENT_ID = "the gate"
CLIENT_SECRET = "a secret: with & odd signs"
ROLES = "gate-admins=admin, gate-authors=policy_author, auditors=analyst, staff=viewer"


class Provider(Issuer):
    def __init__(self, *algorithms, public=False, **more):
        self.public = public
        self.users = {}
        self.said = {}
        self.tampered = None
        self.forgets = False
        self.codes = {}
        self.token_requests = []
        self.more_metadata = {}
        super().__init__(*algorithms, **more)

    def documents(self):
        documents = super().documents()
        metadata = next(iter(documents.values()))
        metadata |= {"authorization_endpoint": f"{self.url}/authorize?tenant=corp", **self.more_metadata}
        return documents

    def oidc_settings(self, **more):
        """The gate's settings for this provider, as `start_gate` takes them."""
        settings = {"issuer": self.url, "client_id": CLIENT_ID, "roles": ROLES, "name": "Corp", **more}
        if not self.public:
            settings["client_secret"] = CLIENT_SECRET
        return {f"ADMIN__OIDC__{key.upper()}": value for key, value in settings.items()}

    def authorize(self, address, user):
        """What the browser gets back for its way to the provider, once this user has signed in there."""
        asked = {name: value for name, (value,) in parse_qs(urlsplit(address).query).items()}
        assert (asked["tenant"], asked["response_type"], asked["client_id"]) == ("corp", "code", CLIENT_ID)
        assert "openid" in asked["scope"].split()
        assert asked["code_challenge_method"] == "S256" and len(asked["code_challenge"]) == 43
        code = secrets.token_urlsafe(16)
        self.codes[code] = {**asked, "user": user}
        return {"code": code, "state": asked["state"], "session_state": "ignored"}

    def answer(self, request):
        if request.path == "/token" and request.command == "POST":
            length = int(request.headers["content-length"])
            form = {name: value for name, (value,) in parse_qs(request.rfile.read(length).decode()).items()}
            self.token_requests.append(form)
            status, body = self.redeem(form, request.headers.get("authorization"))
            return send(request, status, body)
        return super().answer(request)

    def redeem(self, form, authorization):
        if self.public:
            known = authorization is None and form.get("client_id") == CLIENT_ID
        else:
            pair = base64.b64decode((authorization or "").removeprefix("Basic ")).decode()
            known = [unquote_plus(part) for part in pair.split(":")] == [CLIENT_ID, CLIENT_SECRET]
        if not known:
            return 401, {"error": "invalid_client"}
        asked = self.codes.get(form["code"])
        if not self.forgets:
            self.codes.pop(form["code"], None)
        verifier = hashlib.sha256(form["code_verifier"].encode()).digest()
        challenge = base64.urlsafe_b64encode(verifier).rstrip(b"=").decode()
        good = asked and form["redirect_uri"] == asked["redirect_uri"] and challenge == asked["code_challenge"]
        if not good or form["grant_type"] != "authorization_code":
            return 400, {"error": "invalid_grant"}
        claims = {"aud": CLIENT_ID, "nonce": asked["nonce"], "jti": None, **self.users[asked["user"]], **self.said}
        token = self.token(**claims)
        if self.tampered:
            token = self.tampered(token)
        return 200, {"access_token": "opaque", "token_type": "Bearer", "id_token": token}


class Browser(httpx.Client):
    """A browser that knows the gate, and follows no redirect by itself."""

    def __init__(self, gate):
        super().__init__(base_url=gate.url, timeout=10)

    def start(self):
        """Where the gate sends it."""
        reply = self.get("/api/v1/admin/oidc/start")
        assert reply.status_code == 302, reply.text
        return reply.headers["location"]

    def come_back(self, returned):
        """Where it lands with what the provider gave it."""
        reply = self.get("/api/v1/admin/oidc/callback", params=returned)
        assert reply.status_code == 302, reply.text
        return reply

    def sign_in(self, provider, user):
        """The whole way; returns the error that the dashboard is told, or None."""
        return error_of(self.come_back(provider.authorize(self.start(), user)))

    def session(self):
        return self.get("/api/v1/admin/session")


def error_of(reply):
    _, _, error = reply.headers["location"].partition("/#/?sign_in_error=")
    signed_in = "portcullis_session=" in str(reply.headers.get_list("set-cookie"))
    assert signed_in == (not error), reply.headers
    return error or None


def send(request, status, body):
    if status == 200:
        return document(body)(request)
    text = json.dumps(body).encode()
    request.send_response(status)
    request.send_header("content-length", str(len(text)))
    request.end_headers()
    request.wfile.write(text)
    return None


def seconds_ago(seconds):
    return int(time.time()) - seconds
