"""The table of operations: who may do what, asked of a running server, operation by operation and role by role."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest

ROLES = ["viewer", "analyst", "policy_author", "admin"]
TABLE = Path(__file__).parents[1] / "data" / "roles.txt"
NOBODY = "00000000-0000-7000-8000-000000000000"
PASSWORD = "a-long-enough-password"
# These end the session that asks, or do not end.
LEFT_OUT = {("post", "/api/v1/admin/logout"), ("get", "/api/v1/activity/stream")}


def operations(document):
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            yield method, path, operation.get("x-role")


def send(client, method, path):
    """A request that gets past every check of roles and no further: nothing has this id, no body is this one."""
    for part in path.split("/"):
        if part.startswith("{"):
            path = path.replace(part, NOBODY)
    body = None if method in ("get", "delete") else {"nothing": "that exists"}
    return client.request(method.upper(), path, json=body, headers={"X-Portcullis-CSRF": "1"})


@pytest.fixture(scope="module")
def gate(shared_gates):
    return shared_gates("sqlite")


@pytest.fixture(scope="module")
def document(gate):
    return gate.admin().get("/api/v1/openapi.json").json()


@pytest.fixture(scope="module")
def clients(gate):
    """A client of each role."""
    clients = {"admin": gate.admin()}
    for role in ROLES[:-1]:
        name = f"table-{role.replace('_', '-')}"
        made = gate.admin().post("/api/v1/users", json={"username": name, "role": role, "password": PASSWORD})
        assert made.status_code in (201, 409), made.text
        token = gate.sign_in(PASSWORD, name).json()["access_token"]
        clients[role] = httpx.Client(base_url=gate.url, headers={"Authorization": f"Bearer {token}"}, timeout=10)
    return clients


def test_the_table_is_the_one_that_was_agreed_on(document):
    """A new operation, or another role for one, is a line in tests/data/roles.txt that somebody has read."""
    table = sorted(f"{path} {method.upper()} {role or 'open'}" for method, path, role in operations(document))
    assert "\n".join(table) + "\n" == TABLE.read_text()


@pytest.mark.parametrize("role", ROLES)
def test_a_role_may_do_what_the_table_says_and_nothing_else(document, clients, role):
    asked = [it for it in operations(document) if it[:2] not in LEFT_OUT and it[2] is not None]
    assert len(asked) > 30
    with ThreadPoolExecutor(4) as pool:
        replies = pool.map(lambda it: send(clients[role], it[0], it[1]), asked)
    wrong = []
    for (method, path, needed), reply in zip(asked, replies, strict=True):
        may = ROLES.index(role) >= ROLES.index(needed)
        forbidden = reply.status_code == 403 and reply.json()["error"]["code"] == "forbidden"
        if forbidden == may or reply.status_code in (401, 500, 503):
            wrong.append(f"{method} {path} needs {needed}: {reply.status_code} {reply.text[:100]}")
        elif forbidden and needed not in reply.json()["error"]["message"]:
            wrong.append(f"{method} {path} does not say that it needs {needed}")
    assert not wrong, "\n".join(wrong)


def test_without_a_session_only_what_is_open_is_answered(gate, document):
    with httpx.Client(base_url=gate.url) as nobody:
        for method, path, role in operations(document):
            if role is not None:
                assert send(nobody, method, path).status_code == 401, (method, path)


def test_a_cookie_without_the_csrf_header_changes_nothing(gate, document):
    cookie = {"portcullis_session": gate.sign_in().json()["access_token"]}
    with httpx.Client(base_url=gate.url, cookies=cookie) as browser:
        for method, path, role in operations(document):
            if role is not None and method != "get":
                path = path.replace("{", "").replace("}", "")
                reply = browser.request(method.upper(), path, json={})
                assert reply.json()["error"]["code"] == "csrf_header_missing", (method, path, reply.text)
