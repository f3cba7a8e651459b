"""Drafts of the policy: what is wrong with them, what they change, and putting them in force."""

import json
import os
import stat

import httpx
import pytest

from gateway import POLICY, chat, eventually

MORE = POLICY + "p, developer, o3-*, allow\n"


@pytest.fixture
def admin(sqlite_gate):
    with sqlite_gate.admin() as client:
        yield client


@pytest.fixture
def own(quick_gate):
    """A server whose policy the test may change, and its administrator."""
    gate = quick_gate()
    with gate.admin() as client:
        gate.client = client
        yield gate


def save(gate, text, base=None, reason="for the test"):
    base = base or gate.client.get("/api/v1/policy").json()["version"]
    return gate.client.put("/api/v1/policy", json={"text": text, "base_version": base, "reason": reason})


def test_a_draft_is_told_all_its_problems_with_line_column_and_remedy(admin):
    text = POLICY + "p, developer, gpt-5, alow\nq, developer\np, developer, o1, allow\np, developer, o*, allow\n"
    found = admin.post("/api/v1/policy/lint", json={"text": text}).json()
    lines = POLICY.count("\n")
    assert (found["valid"], found["version"], found["warnings"]) == (False, None, [])
    first, second = found["errors"]
    assert (first["line"], first["column"]) == (lines + 1, 22)
    assert first["remedy"] == "did you mean `allow`?"
    assert (second["line"], second["column"]) == (lines + 2, 1)


def test_a_draft_is_warned_of_lines_that_do_nothing(admin):
    text = POLICY + "p, maker, whisper-1, allow\np, developer, gpt-4o-*, allow\np, developer, !*, deny\n"
    found = admin.post("/api/v1/policy/lint", json={"text": text}).json()
    assert found["valid"] and found["errors"] == []
    lines = POLICY.count("\n")
    warned = {(it["line"], it["kind"], it["by_line"]) for it in found["warnings"]}
    assert (lines + 1, "shadowed", 13) in warned
    assert (lines + 2, "shadowed", 2) in warned
    assert (lines + 3, "without_effect", None) in warned


def test_the_policy_in_force_has_its_own_version_when_it_is_linted(admin):
    policy = admin.get("/api/v1/policy").json()
    found = admin.post("/api/v1/policy/lint", json={"text": policy["text"]}).json()
    assert (found["valid"], found["version"]) == (True, policy["version"])
    assert (policy["writable"], policy["why_not_writable"]) == (True, None)


def test_a_diff_has_both_numbers_of_every_line(admin):
    diff = admin.post("/api/v1/policy/diff", json={"text": MORE.replace("# What", "# Which")}).json()
    assert (diff["added"], diff["removed"]) == (2, 1)
    marks = [(line["mark"], line["old"], line["new"]) for line in diff["lines"] if line["mark"] != " "]
    count = POLICY.count("\n")
    assert marks == [("-", 1, None), ("+", None, 1), ("+", None, count + 1)]
    assert diff["lines"][2] == {"mark": " ", "old": 2, "new": 2, "text": POLICY.split("\n")[1]}


def test_a_saved_draft_is_in_force_before_the_answer(own):
    agent = own.create_agent()
    assert own.call(agent, body=chat("o3-mini")).status_code == 403
    for round in range(4):
        text = MORE if round % 2 == 0 else POLICY
        saved = save(own, text)
        assert saved.status_code == 200, saved.text
        assert saved.json()["text"] == text and own.policy_file.read_text() == text
        # The next calls, on any worker, are decided by it.
        expected = 200 if round % 2 == 0 else 403
        assert {own.call(agent, body=chat("o3-mini")).status_code for _ in range(8)} == {expected}


def test_only_what_was_seen_is_written_over(own):
    version = own.client.get("/api/v1/policy").json()["version"]
    assert save(own, MORE, version).status_code == 200
    late = save(own, POLICY, version)
    error = late.json()["error"]
    current = own.client.get("/api/v1/policy").json()["version"]
    assert (late.status_code, error["code"], error["current_version"]) == (409, "policy_changed", current)
    # A file that was edited a moment ago is not what anybody has seen.
    own.policy_file.write_text(MORE + "# by hand\n")
    edited = save(own, POLICY, current)
    assert (edited.status_code, edited.json()["error"]["code"]) == (409, "policy_changed")
    assert own.policy_file.read_text() == MORE + "# by hand\n"


def test_a_file_that_was_refused_can_be_put_right_from_the_page(own):
    own.policy_file.write_text(POLICY + "nonsense\n")
    eventually(lambda: own.client.get("/api/v1/policy").json()["error"], what="the refusal")
    refused = save(own, MORE)
    assert refused.status_code == 409
    repaired = save(own, MORE, refused.json()["error"]["current_version"])
    assert (repaired.status_code, repaired.json()["error"], repaired.json()["text"]) == (200, None, MORE)


def test_a_draft_that_cannot_be_in_force_changes_nothing(own):
    reply = save(own, POLICY + "p, developer\n")
    error = reply.json()["error"]
    assert (reply.status_code, error["code"], error["errors"][0]["line"]) == (400, "policy_invalid", 18)
    assert save(own, POLICY).json()["error"]["message"].startswith("nothing is to be changed")
    assert save(own, MORE, reason="").status_code == 400
    assert save(own, "#" * 1_100_000).json()["error"]["message"] == "the policy may have at most 1 MiB and 20,000 lines"
    assert own.policy_file.read_text() == POLICY


def test_the_file_keeps_its_mode_and_a_link_stays_a_link(own):
    kept = own.home / "kept.csv"
    own.policy_file.rename(kept)
    own.policy_file.symlink_to("kept.csv")
    kept.chmod(0o640)
    eventually(lambda: own.client.get("/api/v1/policy").json()["error"] is None, what="the policy")
    assert save(own, MORE).status_code == 200
    assert own.policy_file.is_symlink() and kept.read_text() == MORE
    assert stat.S_IMODE(os.stat(kept).st_mode) == 0o640
    assert not list(own.home.glob(".portcullis-*"))


def test_a_file_that_may_not_be_written_is_said_so(own):
    own.policy_file.chmod(0o444)
    policy = own.client.get("/api/v1/policy").json()
    assert policy["writable"] is False and "read-only" in policy["why_not_writable"]
    reply = save(own, MORE)
    assert (reply.status_code, reply.json()["error"]["code"]) == (409, "not_writable")
    versions = eventually(lambda: own.client.get("/api/v1/policy/versions").json()["versions"], what="a version")
    assert versions[0]["author"] == "file"


def test_an_explanation_names_the_rule(sqlite_gate, admin, agent_of):
    agent = agent_of(sqlite_gate)
    asked = {"agent": agent.name, "model": "gpt-4o", "tool": "search"}
    told = admin.post("/api/v1/policy/explain", json=asked).json()
    assert (told["result"], told["deciding_rule"]) == ("allow", "line 2: p, developer, gpt-4o*, allow")
    told = admin.post("/api/v1/policy/explain", json={**asked, "model": "o3"}).json()
    assert (told["result"], told["deciding_rule"]) == ("deny", None)
    context = sqlite_gate.create_context("o3*")
    told = admin.post("/api/v1/policy/explain", json={**asked, "model": "o3", "app_context": context}).json()
    assert told["result"] == "allow"
    assert admin.post("/api/v1/policy/explain", json={"agent": "nobody"}).status_code == 404


@pytest.mark.parametrize("body", [{}, {"text": 7}, {"text": "", "more": 1}])
@pytest.mark.parametrize("path", ["lint", "diff", "what-if"])
def test_a_body_that_is_not_asked_for_is_refused(admin, path, body):
    assert admin.post(f"/api/v1/policy/{path}", json=body).status_code == 400


def test_nobody_without_a_session_learns_anything(sqlite_gate):
    for path in ["lint", "diff", "what-if", "explain"]:
        assert httpx.post(f"{sqlite_gate.url}/api/v1/policy/{path}", json={"text": POLICY}).status_code == 401


def test_the_command_line_saves_and_a_running_server_follows(own):
    draft = own.home / "draft.csv"
    draft.write_text(MORE)
    diff = own.cli("policy", "diff", str(draft)).stdout
    assert "+ p, developer, o3-*, allow" in diff and diff.endswith("1 added, 0 removed\n")
    told = json.loads(own.cli("policy", "save", str(draft), "--reason", "o3 for all", "--json").stdout)
    in_force = lambda: own.client.get("/api/v1/policy").json()["version"] == told["version"]  # noqa: E731
    eventually(in_force, what="the saved version")
    newest = own.client.get("/api/v1/policy/versions").json()["versions"][0]
    assert (newest["author"], newest["reason"], newest["current"]) == ("cli", "o3 for all", True)
    draft.write_text("p, developer\n")
    refused = own.cli("policy", "save", str(draft), "--reason", "no", check=False)
    assert refused.returncode == 1 and refused.stdout.startswith(f"{draft}:1:")
    draft.write_text(POLICY)
    number = newest["id"] + 1
    assert f": saved as version {number} (" in own.cli("policy", "save", str(draft), "--reason", "back").stdout


def test_check_warns_on_the_command_line(own):
    draft = own.home / "draft.csv"
    draft.write_text(POLICY + "p, developer, gpt-4o-mini, allow\n")
    assert ":18: warning: line 2 already allows all of it" in own.cli("policy", "check", str(draft)).stdout
    told = json.loads(own.cli("policy", "check", str(draft), "--json").stdout)
    assert (told["valid"], told["warnings"][0]["kind"]) == (True, "shadowed")
