"""The versions of the policy: who put what in force, when and why, and the way back."""

import json

import pytest

from gateway import POLICY, chat, eventually

MORE = POLICY + "p, developer, o3-*, allow\n"


@pytest.fixture
def own(own_gate):
    """A server whose policy the test may change, and its administrator, on each database."""
    gate = own_gate()
    with gate.admin() as client:
        gate.client = client
        yield gate


def versions(gate, **query):
    return gate.client.get("/api/v1/policy/versions", params=query).json()


def save(gate, text, reason="for the test"):
    base = gate.client.get("/api/v1/policy").json()["version"]
    body = {"text": text, "base_version": base, "reason": reason}
    reply = gate.client.put("/api/v1/policy", json=body)
    assert reply.status_code == 200, reply.text
    return reply.json()["version"]


def first(gate):
    return eventually(lambda: versions(gate)["versions"], what="the first version")[-1]


def test_every_version_is_kept_with_its_author_and_reason(own):
    begun = first(own)
    assert (begun["author"], begun["reason"], begun["current"]) == ("file", None, True)
    version = save(own, MORE, "o3 for all")
    newest, oldest = versions(own)["versions"]
    assert (newest["version"], newest["author"], newest["reason"]) == (version, "admin", "o3 for all")
    assert (newest["added"], newest["removed"], newest["current"], oldest["current"]) == (1, 0, True, False)
    assert "text" not in newest
    shown = own.client.get(f"/api/v1/policy/versions/{oldest['id']}").json()
    assert shown == {**oldest, "text": POLICY}
    diff = own.client.post("/api/v1/policy/diff", json={"text": MORE, "against": oldest["id"]}).json()
    assert (diff["added"], diff["removed"]) == (1, 0)


def test_an_edit_by_hand_is_a_version_too(own):
    first(own)
    own.policy_file.write_text(MORE)
    newest = eventually(lambda: len(versions(own)["versions"]) == 2 and versions(own)["versions"][0], what="the edit")
    assert (newest["author"], newest["current"]) == ("file", True)
    own.stop()
    own.start()
    assert len(versions(own)["versions"]) == 2, "a restart is no new version"


def test_the_way_back_is_a_version_of_its_own(own):
    agent = own.create_agent()
    begun = first(own)
    version = save(own, MORE)
    assert own.call(agent, body=chat("o3-mini")).status_code == 200
    path = f"/api/v1/policy/versions/{begun['id']}/restore"
    stale = own.client.post(path, json={"base_version": begun["version"], "reason": "back"})
    assert (stale.status_code, stale.json()["error"]["current_version"]) == (409, version)
    restored = own.client.post(path, json={"base_version": version, "reason": "back"})
    assert (restored.status_code, restored.json()["text"]) == (200, POLICY)
    assert own.call(agent, body=chat("o3-mini")).status_code == 403
    newest, *_ = versions(own)["versions"]
    assert (newest["version"], newest["reason"], newest["removed"]) == (begun["version"], "back", 1)
    for missing in ["999", "x"]:
        assert own.client.get(f"/api/v1/policy/versions/{missing}").status_code == 404


def test_versions_come_in_pages(own):
    first(own)
    for number in range(3):
        save(own, f"{POLICY}# {number}\n")
    page = versions(own, limit=3)
    assert (len(page["versions"]), page["next"]) == (3, page["versions"][-1]["id"])
    rest = versions(own, limit=3, after=page["next"])
    assert (len(rest["versions"]), rest["next"]) == (1, None)
    assert own.client.get("/api/v1/policy/versions", params={"limit": "x"}).status_code == 400
    assert own.client.get("/api/v1/policy/versions", params={"sort": "x"}).status_code == 400


def test_the_command_line_lists_shows_and_rolls_back(own):
    begun = first(own)
    version = save(own, MORE, "o3 for all")
    listed = own.cli("policy", "versions").stdout.splitlines()
    header, *listed = listed
    assert header.split() == ["VERSION", "DIGEST", "TIME", "AUTHOR", "LINES", "REASON"]
    assert len(listed) == 2 and listed[0].startswith("*") and "o3 for all" in listed[0]
    assert listed[0].index("o3 for all") == header.index("REASON")
    assert own.cli("policy", "show").stdout == MORE
    assert own.cli("policy", "show", str(begun["id"])).stdout == POLICY
    assert json.loads(own.cli("policy", "show", "--json").stdout)["version"] == version
    told = own.cli("policy", "rollback", str(begun["id"]), "--reason", "back", "--json").stdout
    assert json.loads(told) == {"file": str(own.policy_file), "id": begun["id"] + 2, "version": begun["version"]}
    assert own.policy_file.read_text() == POLICY
    missing = own.cli("policy", "rollback", "999", "--reason", "back", check=False)
    assert missing.returncode == 1 and "policy versions" in missing.stderr
