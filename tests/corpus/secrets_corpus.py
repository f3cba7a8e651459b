"""Texts with keys, tokens and passwords, and texts that only look so.

Owns the formats as their providers document them. Each value is made up.
"""

import base64
import json

import identifiers as ids


def jwt(rng):
    part = lambda value: base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")
    return f"{part({'alg': 'HS256', 'typ': 'JWT'})}.{part({'sub': ids.digits(rng, 8), 'iat': 1700000000})}.{ids.chars(rng, ids.ALNUM + '-_', 43)}"


def pem(rng):
    kind = rng.choice(["RSA ", "EC ", "", "OPENSSH "])
    body = "\n".join(ids.chars(rng, ids.ALNUM + "+/", 64) for _ in range(rng.randint(3, 12)))
    return f"-----BEGIN {kind}PRIVATE KEY-----\n{body}\n-----END {kind}PRIVATE KEY-----"


def of(prefix, alphabet, length, suffix=""):
    return lambda rng: prefix + ids.chars(rng, alphabet, length) + suffix


A, H, L = ids.ALNUM, ids.HEX, ids.LOWER + ids.DIGITS
U = ids.UPPER + ids.DIGITS
W = A + "-_"

FORMATS = {
    "openai": lambda r: "sk-" + ids.chars(r, A, 20) + "T3BlbkFJ" + ids.chars(r, A, 20),
    "openai-project": lambda r: "sk-proj-" + ids.chars(r, W, 74) + "T3BlbkFJ" + ids.chars(r, W, 73) + "A",
    "anthropic": lambda r: "sk-ant-api03-" + ids.chars(r, W, 92) + "QAA",
    "google": lambda r: "AIza" + ids.chars(r, W, 34) + "A", "groq": of("gsk_", A, 52), "hugging-face": of("hf_", A, 34), "replicate": of("r8_", A, 37),
    "perplexity": of("pplx-", A, 48), "xai": of("xai-", A, 80), "openrouter": of("sk-or-v1-", H, 64), "langsmith": lambda r: f"lsv2_pt_{ids.chars(r, H, 32)}_{ids.chars(r, H, 10)}",
    "aws-id": lambda r: "AKIA" + ids.chars(r, ids.UPPER + "234567", 16), "github": of("ghp_", A, 36), "github-fine": lambda r: f"github_pat_{ids.chars(r, A, 22)}_{ids.chars(r, A, 59)}",
    "github-app": of("ghs_", A, 36), "gitlab": lambda r: "glpat-" + ids.chars(r, W, 19) + "x", "stripe": lambda r: r.choice(["sk_live_", "rk_live_", "sk_test_"]) + ids.chars(r, A, 24), "stripe-webhook": of("whsec_", A, 32),
    "slack-bot": lambda r: f"xoxb-{ids.digits(r, 12)}-{ids.digits(r, 13)}-{ids.chars(r, A, 24)}", "slack-webhook": lambda r: f"https://hooks.slack.com/services/T{ids.chars(r, U, 10)}/B{ids.chars(r, U, 10)}/{ids.chars(r, A, 24)}",
    "discord-webhook": lambda r: f"https://discord.com/api/webhooks/{ids.digits(r, 18)}/{ids.chars(r, A, 68)}", "telegram": lambda r: f"{ids.digits(r, 10)}:AA{ids.chars(r, A, 33)}", "sendgrid": lambda r: f"SG.{ids.chars(r, A, 22)}.{ids.chars(r, A, 43)}",
    "mailgun": of("key-", H, 32), "twilio": of("SK", H, 32), "npm": of("npm_", A, 36), "pypi": lambda r: "pypi-AgEIcHlwaS5vcmc" + ids.chars(r, A, 80), "rubygems": of("rubygems_", H, 48), "crates": of("cio", A, 32), "docker": of("dckr_pat_", A, 27),
    "shopify": of("shpat_", H, 32), "square": of("sq0atp-", A, 22), "digitalocean": of("dop_v1_", H, 64), "databricks": of("dapi", H, 32), "grafana": lambda r: f"glsa_{ids.chars(r, A, 32)}_{ids.chars(r, H, 8)}", "new-relic": of("NRAK-", U, 27), "linear": of("lin_api_", A, 40),
    "notion": of("ntn_", A, 46), "postman": lambda r: f"PMAK-{ids.chars(r, H, 24)}-{ids.chars(r, H, 34)}", "vault": of("hvs.", A, 90), "terraform": lambda r: f"{ids.chars(r, A, 14)}.atlasv1.{ids.chars(r, A, 67)}", "doppler": of("dp.pt.", A, 43), "pulumi": of("pul-", H, 40), "planetscale": of("pscale_tkn_", A, 43),
    "airtable": lambda r: f"pat{ids.chars(r, A, 14)}.{ids.chars(r, H, 64)}", "figma": of("figd_", A, 40), "hubspot": lambda r: f"pat-na1-{ids.uuid(r)}", "age": of("AGE-SECRET-KEY-1", "QPZRY9X8GF2TVDW0S3JN54KHCE6MUA7L", 58), "sentry": of("sntryu_", H, 64), "asana": lambda r: f"1/{ids.digits(r, 16)}:{ids.chars(r, H, 32)}",
    "pinecone": lambda r: f"pcsk_{ids.chars(r, A, 6)}_{ids.chars(r, A, 63)}", "alibaba": of("LTAI", A, 20), "flutterwave": of("FLWSECK-", H, 32, "-X"), "detection-key": of("detect_live_", W, 43), "jwt": jwt, "private-key": pem,
    "postgres": lambda r: f"postgres://app:{ids.chars(r, A, 16)}@db.internal:5432/app", "mongodb": lambda r: f"mongodb+srv://svc:{ids.chars(r, A, 14)}@cluster0.ab1cd.mongodb.net/prod", "redis": lambda r: f"redis://:{ids.chars(r, A, 20)}@cache:6379/0",
    "mysql": lambda r: f"mysql://root:{ids.chars(r, A, 12)}@10.1.2.3/shop", "azure-storage": lambda r: f"DefaultEndpointsProtocol=https;AccountName=acme;AccountKey={ids.chars(r, A + '+/', 86)}==;EndpointSuffix=core.windows.net",
    "generic-env": lambda r: f"{r.choice(['DB_PASSWORD', 'API_SECRET', 'ACCESS_TOKEN', 'CLIENT_SECRET', 'AUTH_KEY'])}={ids.chars(r, A, 24)}", "generic-json": lambda r: f'"{r.choice(["api_key", "client_secret", "password", "secretKey", "access_token"])}": "{ids.chars(r, A, 28)}"',
    "generic-yaml": lambda r: f"{r.choice(['password', 'secret', 'token'])}: {ids.chars(r, A, 22)}", "aws-secret": lambda r: f"aws_secret_access_key = {ids.chars(r, A + '+/', 40)}", "bearer": lambda r: f"Authorization: Bearer {ids.chars(r, A, 40)}",
}

AROUND = ["{}", "export KEY={}", "use this: {}", "here is my key {} please debug", 'client = Client("{}")', "config:\n  key: '{}'\n", "curl -H 'x-api-key: {}' https://api.acme.dev/v1", "I accidentally committed {}. What now?", "token={}&x=1", "The value `{}` is in the log."]
OWN_CONTEXT = {"generic-env", "generic-json", "generic-yaml", "aws-secret", "bearer", "private-key", "azure-storage"}


def positives(rng, count):
    kinds = sorted(FORMATS)
    for at in range(count):
        kind = kinds[at % len(kinds)]
        value = FORMATS[kind](rng)
        around = rng.choice(["{}", "Please check:\n{}\nThanks", "# config\n{}\n"]) if kind in OWN_CONTEXT else rng.choice(AROUND)
        yield kind, around.replace("{}", value)


def negatives(rng, count):
    make = [
        lambda: f"password: {'*' * rng.randint(6, 12)}", lambda: "api_key = os.environ['API_KEY']", lambda: "token: ${{ secrets.GITHUB_TOKEN }}", lambda: "OPENAI_API_KEY=sk-...", lambda: "Set api_key=YOUR_API_KEY and run it.", lambda: "Forgot your password? Click here to reset it.",
        lambda: "Our password policy: at least 12 characters, one digit.", lambda: f"integrity sha512-{ids.chars(rng, A + '+/', 86)}==", lambda: f"md5 {ids.chars(rng, H, 32)}  file.tar.gz", lambda: f"id: {ids.uuid(rng)}", lambda: f"data:image/png;base64,iVBORw0KGgo{ids.chars(rng, A + '+/', 120)}", lambda: f"etag \"{ids.chars(rng, H, 40)}\"",
        lambda: "const password = document.getElementById('password').value;", lambda: "postgres://localhost:5432/app", lambda: "postgres://user:password@localhost/db", lambda: "redis://localhost:6379/0", lambda: "The token bucket refills at 10 tokens per second.", lambda: "secret: <your secret here>", lambda: "Authorization: Bearer <token>", lambda: "client_secret: ${CLIENT_SECRET}",
        lambda: "-----BEGIN PUBLIC KEY-----\nMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE\n-----END PUBLIC KEY-----", lambda: f"request-id req_{ids.chars(rng, H, 32)}", lambda: f"chatcmpl-{ids.chars(rng, A, 29)}", lambda: "sk-learn and sk-image are libraries", lambda: f"docker pull acme/app@sha256:{ids.chars(rng, H, 64)}", lambda: "pub fn token_for_request_with_credentials_and_session_cookie() {}",
        lambda: "password = getpass.getpass('Password: ')", lambda: 'if (token === null) { throw new Error("no token"); }', lambda: "password=None", lambda: "SECRET_KEY = config('SECRET_KEY')", lambda: f"ulid 01J{ids.chars(rng, U, 23)}", lambda: f"The arXiv paper 2401.{ids.digits(rng, 5)} explains keys and values in attention.", lambda: "let api_key = args.api_key.as_deref().unwrap_or_default();",
        lambda: f"traceparent: 00-{ids.chars(rng, H, 32)}-{ids.chars(rng, H, 16)}-01", lambda: f"commit {ids.chars(rng, H, 40)}\nAuthor: someone", lambda: f"checksum = \"{ids.chars(rng, H, 64)}\"", lambda: "The key to success is a good password manager.", lambda: "AKIA is the prefix of AWS access keys.", lambda: "ghp_ tokens replaced the old 40-hex ones in 2021.", lambda: "aws_secret_access_key = <fill in>",
    ]
    for at in range(count):
        yield None, make[at % len(make)]()
