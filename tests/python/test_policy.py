"""Who may call what, and how the policy file takes effect."""

import re
import threading
import time

import httpx
import pytest

from gateway import POLICY, chat, eventually


def denied(reply, code):
    """Whether a reply is an opaque denial with this code."""
    body = reply.json()
    return (
        reply.status_code == 403
        and body["error"]["code"] == code
        and reply.headers["x-should-retry"] == "false"
        and "gpt-4o-mini" not in reply.text
    )


def test_a_granted_model_is_allowed_and_another_denied_before_the_provider_is_asked(gate, agent_of, upstream):
    agent = agent_of(gate)
    assert gate.call(agent, body=chat("gpt-4o-2024-11-20")).status_code == 200
    assert denied(gate.call(agent, body=chat("o3-mini"), mark="not-granted"), "model_not_allowed")
    assert not upstream.saw("not-granted")


@pytest.mark.parametrize(
    "model", ["GPT-4o", " gpt-4o", "xgpt-4o", "gpt-4", "gpt-3.5-turb", "gpt-é", "gpt-4\u0000o", ""]
)
def test_patterns_are_anchored_and_exact(sqlite_gate, agent_of, model):
    reply = sqlite_gate.call(agent_of(sqlite_gate), body=chat(model))
    assert reply.status_code in (400, 403), model


def test_deny_wins_for_autonomous_agents_as_in_the_pages_example(gate):
    agent = gate.create_agent("developer", agent_type="autonomous")
    assert gate.call(agent, body=chat("gpt-4o-mini")).status_code == 200
    assert gate.call(agent, body=chat("gpt-3.5-turbo")).status_code == 200
    refused = gate.call(agent, body=chat("gpt-4o"))
    assert (refused.status_code, refused.json()["error"]["code"]) == (403, "model_not_allowed")


def test_a_role_that_lacks_web_write_may_read_only(gate):
    agent = gate.create_agent("reader")
    assert denied(gate.call(agent), "permission_denied")
    names = [model["id"] for model in gate.call(agent, "/models", method="GET").json()["data"]]
    assert names == ["gpt-4o"]


def test_a_role_that_lacks_web_read_cannot_list_models(sqlite_gate):
    agent = sqlite_gate.create_agent("writer")
    assert sqlite_gate.call(agent).status_code == 200
    assert denied(sqlite_gate.call(agent, "/models", method="GET"), "permission_denied")


def test_one_model_is_shown_only_to_those_who_may_use_it(sqlite_gate, agent_of):
    agent = agent_of(sqlite_gate)
    assert sqlite_gate.call(agent, "/models/o3-mini", method="GET").status_code in (403, 404)


def test_a_role_inherits_from_another(gate):
    agent = gate.create_agent("senior")
    assert gate.call(agent, body=chat("o3-mini")).status_code == 200
    assert gate.call(agent, body=chat("gpt-4o")).status_code == 200


def test_a_g_line_gives_an_agent_a_role(start_gate):
    gate = start_gate(policy=POLICY + "g, research-bot, senior\n")
    agent = gate.create_agent("reader", name="research-bot")
    assert gate.call(agent, body=chat("o3-mini")).status_code == 200


def test_an_agent_of_an_unknown_role_may_nothing(sqlite_gate):
    agent = sqlite_gate.create_agent("nobody-knows-it")
    assert sqlite_gate.call(agent).status_code == 403


def test_the_record_names_the_line_that_decided(sqlite_gate):
    agent = sqlite_gate.create_agent("developer", agent_type="autonomous")
    sqlite_gate.call(agent, body=chat("gpt-4o"))
    record = sqlite_gate.record(agent)
    assert record["policy_result"] == "deny"
    assert re.match(r"line 4\b", record["policy_rule"])
    assert record["policy_version"]
    assert record["policy_reason"]


def test_a_set_role_takes_effect_within_a_second_without_a_new_token(sqlite_gate):
    agent = sqlite_gate.create_agent("reader")
    assert sqlite_gate.call(agent).status_code == 403
    sqlite_gate.cli("agent", "set-role", agent.name, "--role", "developer")
    time.sleep(1)
    assert sqlite_gate.call(agent).status_code == 200


def test_saving_the_policy_takes_effect_within_a_second_and_drops_no_stream(start_gate):
    gate = start_gate()
    agent = gate.create_agent()
    seen = []

    def run_stream():
        with gate.stream(agent, script={"chunks": 8, "pause_ms": 250}) as reply:
            seen.extend(reply.iter_lines())

    running = threading.Thread(target=run_stream)
    running.start()
    eventually(lambda: seen, what="the first chunk")
    gate.policy_file.write_text(POLICY.replace("gpt-4o*,                                  allow", "gpt-4.1*, allow"))
    saved_at = time.monotonic()
    eventually(lambda: gate.call(agent).status_code == 403, within=1, what="the new policy")
    assert time.monotonic() - saved_at < 1
    assert gate.call(agent, body=chat("gpt-4.1")).status_code == 200
    running.join(10)
    assert "data: [DONE]" in seen


def test_a_file_replaced_by_rename_as_editors_do_is_noticed_too(start_gate):
    gate = start_gate()
    agent = gate.create_agent()
    new = gate.home / "policy.csv.new"
    new.write_text(POLICY.replace("p,  developer,       gpt-4o*", "p,  developer,       gpt-5*"))
    new.rename(gate.policy_file)
    eventually(lambda: gate.call(agent).status_code == 403, within=1, what="the new policy")


def test_a_bad_save_keeps_the_last_good_policy_and_says_where_and_why(start_gate):
    gate = start_gate()
    agent = gate.create_agent()
    with gate.admin() as admin:
        before = admin.get("/api/v1/policy").json()
        assert before["error"] is None
        assert before["text"] == POLICY
        gate.policy_file.write_text(POLICY + "p, developer, gpt-5, allow, surprise\n")
        line = POLICY.count("\n") + 1

        def told():
            return admin.get("/api/v1/policy").json()["error"]

        error = eventually(told, within=2, what="the error")
        assert error["line"] == line
        assert isinstance(error["column"], int) and error["column"] > 0
        assert error["file"].endswith("policy.csv")
        assert error["reason"] and error["remedy"] and error["at"]
        after = admin.get("/api/v1/policy").json()
        assert (after["version"], after["text"]) == (before["version"], POLICY)
        assert gate.call(agent).status_code == 200
        assert re.search(rf"policy\.csv.*\b{line}\b", gate.log), gate.log
        gate.policy_file.write_text(POLICY + "p, developer, gpt-5, allow\n")
        eventually(lambda: told() is None, within=2, what="the end of the error")
        assert gate.call(agent, body=chat("gpt-5")).status_code == 200
        assert admin.get("/api/v1/policy").json()["version"] != before["version"]


def test_a_deleted_or_empty_policy_keeps_the_last_good_one(start_gate):
    gate = start_gate()
    agent = gate.create_agent()
    gate.policy_file.write_text("")
    time.sleep(1.2)
    assert gate.call(agent).status_code == 200
    gate.policy_file.unlink()
    time.sleep(1.2)
    assert gate.call(agent).status_code == 200
    with gate.admin() as admin:
        assert admin.get("/api/v1/policy").json()["error"]


def test_the_policy_is_shown_to_administrators_only(sqlite_gate):
    assert httpx.get(f"{sqlite_gate.url}/api/v1/policy").status_code == 401
    with sqlite_gate.admin() as admin:
        shown = admin.get("/api/v1/policy").json()
    assert set(shown) >= {"version", "file", "text", "model_file", "model_text", "loaded_at", "error"}
    assert shown["text"] == POLICY
    assert "[matchers]" in shown["model_text"]


BAD_LINES = {
    "q, developer, gpt-4o, allow": "unknown type",
    "p, developer, gpt-4o": "too few fields",
    "p, developer, gpt-4o, allow,": "trailing comma",
    "p, developer, gpt-4o, permit": "unknown effect",
    "p, developer, (gpt-4o, allow": "open group",
    "p, , gpt-4o, allow": "empty field",
    "p2, developer, web:delete, allow": "unknown permission",
    "g, senior": "half a g line",
    "p,  developer,       gpt-4o*,                                  allow": "duplicate",
    "p3, developer, shell_*, allow": "an idle tool line",
}


@pytest.mark.parametrize("line", BAD_LINES, ids=lambda line: BAD_LINES[line].replace(" ", "-"))
def test_policy_check_refuses_a_bad_line_with_its_place(sqlite_gate, tmp_path, line):
    path = tmp_path / "bad.csv"
    path.write_text(f"{POLICY}\n{line}\n")
    done = sqlite_gate.cli("policy", "check", str(path), check=False)
    assert done.returncode == 1
    assert re.search(rf"bad\.csv.*\b{POLICY.count(chr(10)) + 2}\b", done.stderr + done.stdout), done.stderr


def test_policy_check_accepts_a_good_file(sqlite_gate):
    assert sqlite_gate.cli("policy", "check", str(sqlite_gate.policy_file)).returncode == 0
    assert sqlite_gate.cli("policy", "check").returncode == 0


def test_policy_explain_tells_the_decision_and_its_line(sqlite_gate):
    agent = sqlite_gate.create_agent("developer", agent_type="autonomous")
    allowed = sqlite_gate.cli("policy", "explain", "--agent", agent.name, "--model", "gpt-4o-mini", check=False)
    assert "allow" in allowed.stdout
    assert "line 2" in allowed.stdout
    refused = sqlite_gate.cli("policy", "explain", "--agent", agent.name, "--model", "gpt-4o", check=False)
    assert "deny" in refused.stdout or "denied" in refused.stdout
    assert "line 4" in refused.stdout


def test_policy_explain_finds_a_decision_by_its_id(sqlite_gate):
    agent = sqlite_gate.create_agent()
    decision = sqlite_gate.call(agent, body=chat("o3-mini")).headers["x-portcullis-decision"]
    sqlite_gate.record(agent)
    told = sqlite_gate.cli("policy", "explain", decision, check=False).stdout
    assert "o3-mini" in told and agent.name in told and "den" in told
    assert "outcome denied, model_not_allowed" in told
