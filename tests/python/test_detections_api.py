"""The rules of detection over HTTP: what is listed, tried, changed, and what is written down of it."""

import json
import os
import secrets
import sqlite3
import stat
import time

import httpx
import pytest

from gateway import chat, eventually

RULES = """\
# Kept as it is, 'tis ours.
template = "default"

# People write it everywhere.
[[rule]]
id = "mail"   # the only one
type = "PII_EMAIL"
class = "PII"
severity = "MEDIUM"
pattern = '''[a-z0-9.]{1,40}@[a-z0-9-]{1,40}\\.[a-z]{2,6}'''
matches = ["to ann@acme.dev now"]
clean = ["@acme"]

[[override]]
rules = ["class:PII"]
roles = ["developer"]
action = "block"
"""
OWN = {
    "id": "nightjar",
    "type": "ACME_CODENAME",
    "class": "IP",
    "severity": "HIGH",
    "pattern": r'(?i:project nightjar)(?: "x")?|\\o/',
    "lifecycle": ["INGRESS"],
    "action": "redact",
    "description": "The next product.",
    "matches": ['PROJECT nightjar "x"', r"so \o/ yes"],
    "misses": ["a nightjar"],
    "reason": "secret until May",
}


@pytest.fixture
def gate(start_gate):
    return start_gate(detections=RULES)


@pytest.fixture
def admin(gate):
    with gate.admin() as admin:
        yield admin


def rules(admin, **query):
    return admin.get("/api/v1/detections/rules", params=query).json()


def version(admin):
    return admin.get("/api/v1/detections").json()["version"]


def change(admin, rule, **what):
    body = {"base_version": version(admin), "reason": "a test", **what}
    return admin.patch(f"/api/v1/detections/rules/{rule}", json=body)


def attempt(admin, text, **where):
    reply = admin.post("/api/v1/detections/try", json={"text": text, **where})
    assert reply.status_code == 200, reply.text
    return reply.json()


def changes(gate):
    with sqlite3.connect(next(gate.data_dir.glob("state.db"))) as database:
        rows = database.execute("SELECT actor, subject, detail FROM changes WHERE kind = 'detections.changed' ORDER BY seq")
        return [(actor, subject, json.loads(detail)) for actor, subject, detail in rows]


def test_every_rule_is_listed_with_what_it_does_for_whom_and_how_often_it_found_something(gate, admin):
    [mail] = rules(admin)["rules"]
    assert (mail["id"], mail["type"], mail["source"], mail["enabled"]) == ("mail", "PII_EMAIL", "file", True)
    assert (mail["action"], mail["actions"]) == ("log", {"INGRESS": "log", "EGRESS": "log"})
    assert mail["description"] == "People write it everywhere."
    assert (mail["examples"], mail["max_bytes"], mail["app_contexts"]) == (2, 88, [])
    assert [(it["role"], it["app_context"], it["action"]) for it in mail["roles"]] == [("developer", None, "block")]
    assert (mail["findings"], mail["exchanges"], mail["last_at"]) == (0, 0, None)
    agent = gate.create_agent("writer")
    assert gate.call(agent, body=chat(text="a@b.co and c@d.co and a@b.co")).status_code == 200
    gate.call(agent, body=chat(text="e@f.co"))

    def counted():
        [mail] = rules(admin)["rules"]
        return mail["exchanges"] == 2 and mail

    found = eventually(counted)
    assert found["findings"] == 4
    assert found["last_at"] is not None
    past = rules(admin, **{"from": "2020-01-01", "to": "2020-02-01"})
    assert past["rules"][0]["findings"] == 0
    assert admin.get("/api/v1/detections/rules", params={"form": "2020-01-01"}).status_code == 400


def test_a_change_keeps_the_rest_of_the_file_and_is_in_force_when_it_is_answered(gate, admin):
    gate.detections_file.chmod(0o640)
    agent = gate.create_agent("writer")
    reply = change(admin, "mail", action="redact")
    assert reply.status_code == 200, reply.text
    assert (reply.json()["action"], reply.json()["version"]) == ("redact", version(admin))
    asked = {"base_version": version(admin), "reason": "again"}
    assert gate.call(agent, body=chat(text="to ann@acme.dev")).status_code == 200
    [finding] = gate.record(agent)["findings"]
    assert (finding["rule"], finding["action"]) == ("mail", "redact")
    # Before what is said for fewer.
    added = '[[override]]\nrules = ["mail"]\naction = "redact"\n\n'
    head, tail = RULES.split("[[override]]")
    assert gate.detections_file.read_text() == f"{head}{added}[[override]]{tail}"
    assert stat.S_IMODE(gate.detections_file.stat().st_mode) == 0o640
    assert attempt(admin, "ann@acme.dev")["verdict"] == "redact"
    assert attempt(admin, "ann@acme.dev", roles=["developer"])["verdict"] == "block"
    back = admin.patch("/api/v1/detections/rules/mail", json={"reset": True, **asked})
    assert back.status_code == 200, back.text
    assert gate.detections_file.read_text() == RULES
    [(actor, subject, first), (_, _, second)] = changes(gate)
    assert (actor, subject) == ("admin", "mail")
    assert first == {"action": "redact", "reason": "a test", "version": asked["base_version"]}
    assert (second["action"], second["reason"]) == ("reset", "again")


def test_a_rule_is_switched_off_and_on_for_everyone_or_in_one_app_context(gate, admin):
    assert change(admin, "mail", enabled=False).json()["enabled"] is False
    assert attempt(admin, "ann@acme.dev") == {"verdict": "allow", "findings": [], "redacted": "ann@acme.dev"}
    assert change(admin, "mail", enabled=True).json()["action"] == "log"
    context = gate.create_context("*", name="support")
    there = change(admin, "mail", action="redact", app_context="support").json()
    assert (there["action"], there["app_contexts"]) == (
        "log",
        [{"id": context, "action": "redact", "actions": {"INGRESS": "redact", "EGRESS": "redact"}}],
    )
    assert attempt(admin, "ann@acme.dev", app_context="support")["verdict"] == "redact"
    assert attempt(admin, "ann@acme.dev", app_context=context)["verdict"] == "redact"
    assert attempt(admin, "ann@acme.dev")["verdict"] == "log"
    one_way = change(admin, "mail", action="block", lifecycle="EGRESS").json()
    assert (one_way["action"], one_way["actions"]) == ("block", {"INGRESS": "log", "EGRESS": "block"})


def test_a_change_that_started_from_another_file_is_refused(gate, admin):
    before = version(admin)
    edited = RULES.replace("the only one", "still the only one")
    gate.detections_file.write_text(edited)
    late = admin.patch("/api/v1/detections/rules/mail", json={"action": "block", "base_version": before, "reason": "x"})
    assert late.status_code == 409
    error = late.json()["error"]
    eventually(lambda: version(admin) != before)
    assert (error["code"], error["current_version"]) == ("detections_changed", version(admin))
    assert gate.detections_file.read_text() == edited
    assert changes(gate) == []


def test_a_file_that_was_edited_by_hand_is_one_record_and_a_save_through_the_api_is_another(gate, admin):
    def recorded():
        events = admin.get("/api/v1/audit/events", params={"kind": "changes"}).json()["events"]
        return [(it["action"], it["actor"], it["target"]) for it in events if it["action"].startswith("detections.")]

    before = version(admin)
    # As editors save: nobody sees half of it.
    edited = gate.detections_file.with_suffix(".new")
    edited.write_text(RULES.replace("the only one", "edited by hand"))
    os.replace(edited, gate.detections_file)
    eventually(lambda: version(admin) != before)
    by_hand = ("detections.edited", "file", f"detections/{version(admin)}")
    eventually(lambda: recorded() == [by_hand], within=15)
    assert change(admin, "mail", action="block").status_code == 200
    by_api = ("detections.changed", "admin", "detections/mail")
    eventually(lambda: recorded() == [by_hand, by_api], within=15)
    gate.stop()
    gate.start()
    # Longer than it takes until changes are looked for.
    time.sleep(3)
    with gate.admin(fresh=True) as again:
        events = again.get("/api/v1/audit/events", params={"kind": "changes"}).json()["events"]
    assert [it["action"] for it in events if it["action"].startswith("detections.")] == [by_hand[0], by_api[0]]


def test_what_makes_no_sense_is_refused_in_words(gate, admin):
    gate.create_context("*", name="support")
    for rule, what, status, words in [
        ("owl", {"action": "log"}, 404, "there is no rule"),
        ("mail", {}, 400, "nothing is to be changed"),
        ("mail", {"action": "log"}, 400, "does that already"),
        ("mail", {"reset": True}, 400, "no action of its own"),
        ("mail", {"enabled": True, "action": "allow"}, 400, "say one thing"),
        ("mail", {"action": "shout"}, 400, "unknown variant"),
        ("mail", {"colour": "red"}, 400, "colour"),
        ("mail", {"action": "block", "reason": ""}, 400, "reason"),
        ("mail", {"action": "block", "app_context": "nowhere"}, 404, "AppContext"),
    ]:
        reply = change(admin, rule, **what)
        assert (reply.status_code, words in reply.text) == (status, True), (what, reply.text)
    assert gate.detections_file.read_text() == RULES


def test_a_rule_of_ones_own_is_added_with_its_examples_and_removed_again(gate, admin):
    reply = admin.post("/api/v1/detections/rules", json={**OWN, "base_version": version(admin)})
    assert reply.status_code == 201, reply.text
    added = reply.json()
    assert (added["id"], added["source"], added["action"], added["examples"]) == ("nightjar", "file", "redact", 3)
    assert (added["lifecycle"], added["description"]) == (["INGRESS"], "The next product.")
    assert gate.detections_file.read_text().startswith(RULES)
    tried = attempt(admin, 'about PROJECT NIGHTJAR "x"!')
    assert tried["redacted"] == "about [REDACTED:ACME_CODENAME]!"
    twice = admin.post("/api/v1/detections/rules", json=OWN)
    assert (twice.status_code, twice.json()["error"]["code"]) == (409, "already_exists")
    change(admin, "nightjar", action="block")
    gone = admin.delete("/api/v1/detections/rules/nightjar", params={"base_version": version(admin), "reason": "May"})
    assert gone.status_code == 200, gone.text
    assert gone.json() == {"version": version(admin)}
    assert gate.detections_file.read_text() == RULES
    assert [detail.get("added") or detail.get("removed") for _, _, detail in changes(gate)] == ["nightjar", None, "nightjar"]
    again = admin.delete("/api/v1/detections/rules/nightjar")
    assert again.status_code == 404


@pytest.mark.parametrize(
    ("field", "value", "reported"),
    [
        ("id", "Night Jar", "id"),
        ("type", "codename", "type"),
        ("pattern", "(", "pattern"),
        ("pattern", "a*", "pattern"),
        ("matches", ["nothing of it"], "matches"),
        ("misses", ["PROJECT nightjar"], "misses"),
        ("misses", [], "misses"),
        ("validators", ["lunh"], "validators"),
    ],
)
def test_a_rule_that_is_not_good_is_refused_and_the_field_is_named(gate, admin, field, value, reported):
    reply = admin.post("/api/v1/detections/rules", json={**OWN, field: value})
    assert reply.status_code == 400, reply.text
    error = reply.json()["error"]
    assert error["code"] == "detections_invalid"
    assert [it["field"] for it in error["errors"]] == [reported], error
    assert all(it["reason"] and it["remedy"] for it in error["errors"])
    assert gate.detections_file.read_text() == RULES


def test_a_shipped_rule_is_switched_off_rather_than_removed(start_gate):
    gate = start_gate(detections=RULES.replace('"mail"', '"email"'))
    with gate.admin() as admin:
        [email] = rules(admin)["rules"]
        assert email["source"] == "template"
        reply = admin.delete("/api/v1/detections/rules/email")
        assert (reply.status_code, reply.json()["error"]["code"]) == (409, "rule_is_shipped")


def test_a_file_that_may_not_be_written_says_so(gate, admin):
    assert admin.get("/api/v1/detections").json()["writable"] is True
    gate.detections_file.chmod(0o440)
    shown = admin.get("/api/v1/detections").json()
    assert shown["writable"] is False and "read-only" in shown["why_not_writable"]
    reply = change(admin, "mail", action="block")
    assert (reply.status_code, reply.json()["error"]["code"]) == (409, "not_writable")
    assert changes(gate) == []


def test_a_text_is_tried_as_a_caller_would_meet_the_rules(gate, admin):
    text = "😀 é ann@acme.dev and bob@acme.dev"
    tried = attempt(admin, text)
    [first, second] = tried["findings"]
    units = text.encode("utf-16-le")
    for found, address in [(first, "ann@acme.dev"), (second, "bob@acme.dev")]:
        assert units[2 * found["start"] : 2 * found["end"]].decode("utf-16-le") == address
        assert (found["rule"], found["type"], found["class"], found["action"]) == ("mail", "PII_EMAIL", "PII", "log")
    assert (tried["verdict"], tried["redacted"]) == ("log", text)
    gate.create_agent("developer", name="dev-bot")
    stopped = attempt(admin, text, agent="dev-bot", lifecycle="EGRESS", surface="tool_result")
    assert (stopped["verdict"], stopped["redacted"]) == ("block", None)
    assert admin.post("/api/v1/detections/try", json={"text": "x", "agent": "nobody"}).status_code == 404
    assert attempt(admin, "é" * 32_768)["verdict"] == "allow"
    too_long = admin.post("/api/v1/detections/try", json={"text": "x" * 65_537})
    assert too_long.status_code == 400 and "65536" in too_long.text


def test_a_text_that_is_tried_is_kept_nowhere(start_gate):
    gate = start_gate(detections=RULES, LOG__FILTER="debug")
    canary = f"canary-{secrets.token_hex(8)}"
    with gate.admin() as admin:
        tried = attempt(admin, f"{canary} ann.{canary}@acme.dev", roles=["developer"])
        assert tried["verdict"] == "block" and canary not in json.dumps(tried)
        assert attempt(admin, canary)["redacted"] == canary
        admin.post("/api/v1/detections/try", json={"text": canary, "surface": canary})
        admin.post("/api/v1/detections/try", json={"text": [canary]})
        stream = admin.get("/api/v1/audit/events").text
    gate.stop()
    kept = [path for path in gate.data_dir.rglob("*") if path.is_file() and canary.encode() in path.read_bytes()]
    assert not kept and canary not in gate.log and canary not in stream


def test_the_coverage_says_what_is_scanned_where(admin):
    covered = {(it["method"], it["path"]): it for it in admin.get("/api/v1/detections/coverage").json()["endpoints"]}
    chat_calls = covered["POST", "/chat/completions"]
    assert {"surface": "system", "note": "system and developer messages"} in chat_calls["ingress"]
    assert {it["surface"] for it in chat_calls["egress"]} >= {"assistant", "tool_arguments", "refusal"}
    assert chat_calls["stream"].startswith("judged before it goes on")
    assert "images" in chat_calls["not_screened"]
    assert covered["POST", "/audio/speech"]["egress"] == []
    assert covered["*", "/*"]["not_screened"].startswith("refused")


def test_roles_may_look_try_and_change_in_this_order(gate, admin):
    def client(role):
        name = f"one-{role.replace('_', '-')}"
        made = admin.post("/api/v1/users", json={"username": name, "role": role, "password": "a-long-enough-password"})
        assert made.status_code == 201, made.text
        token = gate.sign_in("a-long-enough-password", name).json()["access_token"]
        return httpx.Client(base_url=gate.url, headers={"Authorization": f"Bearer {token}"}, timeout=30)

    viewer, analyst, author = client("viewer"), client("analyst"), client("policy_author")
    assert viewer.get("/api/v1/detections/rules").status_code == 200
    assert viewer.post("/api/v1/detections/try", json={"text": "x"}).status_code == 403
    assert analyst.post("/api/v1/detections/try", json={"text": "x"}).status_code == 200
    assert change(analyst, "mail", action="block").status_code == 403
    assert change(author, "mail", action="block").status_code == 200
    assert changes(gate)[0][0] == "one-policy-author"


def test_the_command_line_does_the_same(gate, admin):
    def run(*arguments, **more):
        return gate.cli("detections", *arguments, **more)

    def in_force(action):
        eventually(lambda: rules(admin)["rules"][0]["action"] == action)

    for command in ["set", "add", "remove", "try", "coverage"]:
        assert "Example" in run(command, "--help").stdout, command
    told = json.loads(run("set", "mail", "--action", "block", "--reason", "by hand", "--json").stdout)
    in_force("block")
    assert told["version"] == version(admin)
    run("set", "mail", "--disable", "--reason", "by hand")
    in_force("allow")
    run("set", "mail", "--enable", "--reason", "by hand")
    in_force("block")
    wrong = run("set", "mail", "--action", "block", "--reason", "by hand", check=False)
    assert wrong.returncode == 1 and "does that already" in wrong.stderr
    run("set", "mail", "--action", "log", "--reason", "by hand")
    in_force("log")
    before = gate.detections_file.read_text()
    own = ["add", "owl", "--type", "OWL", "--severity", "low", "--keyword", "owl", "--reason", "birds"]
    bad = run(*own, "--match", "a crow", "--miss", "a bird", check=False)
    assert bad.returncode == 1 and "does not find text 1 of its 'matches'" in bad.stdout
    assert gate.detections_file.read_text() == before
    run(*own, "--match", "an owl", "--miss", "a bird")
    eventually(lambda: len(rules(admin)["rules"]) == 2)
    gate.create_agent("developer", name="dev-bot")
    tried = json.loads(run("try", "--agent", "dev-bot", "--json", stdin="an owl, ann@acme.dev").stdout)
    assert [(it["rule"], it["action"]) for it in tried["findings"]] == [("owl", "log"), ("mail", "block")]
    run("remove", "owl", "--reason", "birds")
    assert gate.detections_file.read_text() == before
    assert "user: user messages" in run("coverage", "--endpoint", "chat/*").stdout
    assert {actor for actor, _, _ in changes(gate)} == {"cli"}
