"""A scripted issuer of agents' tokens: an OpenID provider's metadata and key set, and every way to fail.

Each `Issuer` has a port, keys and a thread of its own, counts what it is asked, and misbehaves on request:

    down()          connections are refused; up() listens again on the same port
    answers         by path, what is answered instead: a document, or a function that is given the request's handler
    answers_once    a second request on a connection finds it closed, as idle ones of any server may be
"""

import base64
import json
import secrets
import socket
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

METADATA = "/.well-known/openid-configuration"
KEYS = "/keys"
AUDIENCE = "portcullis"

GENERATE = {
    "RS256": lambda: rsa.generate_private_key(public_exponent=65537, key_size=2048),
    "ES256": lambda: ec.generate_private_key(ec.SECP256R1()),
    "EdDSA": ed25519.Ed25519PrivateKey.generate,
}


class Key:
    """A key that signs tokens; `kid` is what the key set and the tokens call it."""

    def __init__(self, algorithm="ES256", kid=None):
        self.algorithm = algorithm
        self.kid = kid or f"{algorithm}-{secrets.token_hex(4)}"
        self.private = GENERATE[algorithm]()

    def jwk(self):
        public = jwt.get_algorithm_by_name(self.algorithm).to_jwk(self.private.public_key(), as_dict=True)
        return {**public, "kid": self.kid, "alg": self.algorithm, "use": "sig"}

    def sign(self, claims, **header):
        """A token with these claims. A header that is `None` is left out."""
        header = {"alg": self.algorithm, "typ": "JWT", "kid": self.kid, **header}
        header = {name: value for name, value in header.items() if value is not None}
        signed = f"{encoded(header)}.{encoded(claims)}"
        algorithm = jwt.get_algorithm_by_name(self.algorithm)
        return f"{signed}.{encoded(algorithm.sign(signed.encode(), self.private))}"


def encoded(part):
    """A part of a token: an object as JSON, or bytes, in base64url without padding."""
    if isinstance(part, dict):
        part = json.dumps(part).encode()
    return base64.urlsafe_b64encode(part).rstrip(b"=").decode()


class Server:
    """A small web server on a port that stays its own while it is down. `asked` is every path that it was asked."""

    def __init__(self, host="127.0.0.1", running=True):
        self.host = host
        self.asked = []
        self.answers = {}
        self.answers_once = False
        # Bound but never listening: keeps the port, and lets connections be refused.
        self.keeper = socket.socket()
        self.keeper.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.keeper.bind((host, 0))
        self.port = self.keeper.getsockname()[1]
        self.url = f"http://{host}:{self.port}"
        self.http = None
        if running:
            self.up()

    def up(self):
        server = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            served = 0

            def do_GET(self):
                self.served += 1
                if server.answers_once and self.served > 1:
                    self.close_connection = True
                    return
                server.asked.append(self.path)
                try:
                    server.answer(self)
                except OSError:
                    pass  # the gate has had enough

            do_POST = do_GET

            def log_message(self, *_arguments):
                pass

        self.http = ThreadingHTTPServer((self.host, self.port), Handler)
        self.http.daemon_threads = True
        self.http.block_on_close = False
        threading.Thread(target=self.http.serve_forever, args=(0.02,), daemon=True).start()

    def down(self):
        self.http.shutdown()
        self.http.server_close()
        self.http = None

    def stop(self):
        if self.http:
            self.down()
        self.keeper.close()

    def answer(self, request):
        answer = self.answers.get(request.path, self.documents().get(request.path))
        if answer is None:
            answer = status(404)
        (answer if callable(answer) else document(answer))(request)

    def documents(self):
        """What stands at which path; nothing on a server that only listens to who comes."""
        return {}


class Issuer(Server):
    """`keys` is what its key set lists; the first one signs."""

    def __init__(self, *algorithms, running=True):
        self.keys = [Key(algorithm) for algorithm in algorithms or ("ES256",)]
        super().__init__(running=running)

    def documents(self):
        metadata = {"issuer": self.url, "jwks_uri": self.url + KEYS, "token_endpoint": f"{self.url}/token"}
        return {METADATA: metadata, KEYS: {"keys": [key.jwk() for key in self.keys]}}

    @property
    def fetches(self):
        """How often its key set was fetched."""
        return self.asked.count(KEYS)

    def settings(self, name, discovery=True, **more):
        """The gate's settings for this issuer, as `start_gate` takes them."""
        settings = {"issuer": self.url, "audience": AUDIENCE, **more}
        if not discovery:
            settings["jwks_url"] = self.url + KEYS
        return {f"ISSUERS__{name.upper()}__{key.upper()}": value for key, value in settings.items()}

    def claims(self, subject="alice", **more):
        """What its tokens say. A claim that is `None` is left out."""
        now = int(time.time())
        claims = {"iss": self.url, "aud": AUDIENCE, "sub": subject, "iat": now, "exp": now + 600}
        claims |= {"jti": secrets.token_hex(8), **more}
        return {name: value for name, value in claims.items() if value is not None}

    def token(self, subject="alice", key=None, header=None, **claims):
        return (key or self.keys[0]).sign(self.claims(subject, **claims), **(header or {}))


# Answers


def document(value):
    def answer(request):
        body = json.dumps(value).encode()
        request.send_response(200)
        request.send_header("content-type", "application/json")
        request.send_header("content-length", str(len(body)))
        request.end_headers()
        request.wfile.write(body)

    return answer


def status(code):
    def answer(request):
        request.send_response(code)
        request.send_header("content-length", "0")
        request.end_headers()

    return answer


def redirect(location, code=302):
    def answer(request):
        request.send_response(code)
        request.send_header("location", location)
        request.send_header("content-length", "0")
        request.end_headers()

    return answer


def body(content, pause=0, times=1):
    """These bytes, over and over, with a pause before each."""

    def answer(request):
        request.send_response(200)
        request.send_header("connection", "close")
        request.end_headers()
        for _ in range(times):
            time.sleep(pause)
            request.wfile.write(content)
            request.wfile.flush()

    return answer


def slowly(seconds, answer):
    """An answer after a while."""

    def late(request):
        time.sleep(seconds)
        answer(request)

    return late
