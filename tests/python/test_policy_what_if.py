"""What-if: a draft is asked about the calls that were made."""

import json

import pytest

from gateway import POLICY, chat, eventually


@pytest.fixture
def own(own_gate):
    """A server with some calls on record, on each database."""
    gate = own_gate()
    gate.agent = gate.create_agent()
    for model in ["gpt-4o", "gpt-4o", "gpt-3.5-turbo", "o3-mini"]:
        gate.call(gate.agent, body=chat(model))
    tools = [{"type": "function", "function": {"name": name}} for name in ["search", "shell"]]
    gate.call(gate.agent, body=chat("gpt-4o-mini", tools=tools))
    gate.records(gate.agent, 5)
    with gate.admin() as client:
        gate.client = client
        yield gate


def what_if(gate, text, **range):
    reply = gate.client.post("/api/v1/policy/what-if", json={"text": text, **range})
    assert reply.status_code == 200, reply.text
    return reply.json()


DRAFT = (
    POLICY.replace("gpt-4o*,                                  allow", "gpt-4o-mini,                              allow")
    + "p, developer, o3-*, allow\np3, developer, shell, deny\np, nobody, x, allow\np, developer, o3-mini, allow\n"
)


def test_a_draft_says_which_calls_would_flip_and_who_gains_and_loses(own):
    told = what_if(own, DRAFT)
    name, count = own.agent.name, DRAFT.count("\n")
    assert (told["complete"], told["records"], told["flipped_calls"]) == (True, 5, 3)
    assert told["losses"] == [{"agent": name, "model": "gpt-4o", "calls": 2}]
    assert told["gains"] == [{"agent": name, "model": "o3-mini", "calls": 1}]
    lost = told["flips"][0]
    records = [it for it in own.records(own.agent, 5) if it["model"] == "gpt-4o"]
    assert (lost["before"], lost["after"], lost["calls"], lost["recorded_allowed"]) == ("allow", "deny", 2, 2)
    assert (lost["rule_before"], lost["rule_after"]) == ("line 2: p, developer, gpt-4o*, allow", None)
    assert lost["last_id"] == records[-1]["id"]
    assert told["tools"] == [{"agent": name, "tool": "shell", "before": "allow", "after": "deny", "calls": 1}]
    never = [rule["line"] for rule in told["never_matched"]]
    assert count - 1 in never and 2 not in never
    shadowed = {(rule["line"], rule["by_line"]) for rule in told["shadowed"]}
    assert (count, count - 3) in shadowed
    assert told["undecidable"] == {"count": 0, "why": None}


def test_the_policy_in_force_flips_nothing(own):
    told = what_if(own, POLICY)
    assert (told["records"], told["flipped_calls"], told["flips"], told["tools"]) == (5, 0, [], [])
    assert told["policy_version"] == told["draft_version"]


def test_a_range_bounds_what_is_replayed(own):
    began = own.records(own.agent, 5)[2]["started_at"]
    assert what_if(own, DRAFT, **{"from": began})["records"] == 3
    assert what_if(own, DRAFT, to=began)["records"] == 2
    backwards = {"text": DRAFT, "from": "2026-02-02T00:00:00Z", "to": "2026-02-01T00:00:00Z"}
    assert own.client.post("/api/v1/policy/what-if", json=backwards).status_code == 400


def test_an_app_contexts_list_counts_as_it_is_now(own):
    context = own.create_context("gpt-4o*")
    key = own.create_key(own.agent, context=context)
    reply = own.client.post(
        f"{own.url}/v1/chat/completions",
        headers={"X-Detection-Key": key.key, "Authorization": "Bearer sk-x"},
        json=chat("gpt-4o"),
    )
    assert reply.status_code == 200, reply.text
    eventually(lambda: (it := what_if(own, POLICY))["records"] - it["undecidable"]["count"] >= 6, what="the finished record")
    flips = what_if(own, POLICY + "p, developer, gpt-4o, deny\n")["flips"]
    through = [flip for flip in flips if flip["app_context"]]
    assert [(it["surface"], it["app_context"], it["rule_before"]) for it in through] == [("detection_key", context, None)]


def test_a_draft_with_problems_is_not_replayed(own):
    reply = own.client.post("/api/v1/policy/what-if", json={"text": "p, developer\nq\n"})
    error = reply.json()["error"]
    assert (reply.status_code, error["code"], len(error["errors"])) == (400, "policy_invalid", 2)


def test_the_command_line_replays_too(own):
    draft = own.home / "draft.csv"
    draft.write_text(DRAFT)
    shown = own.cli("policy", "what-if", str(draft)).stdout
    assert "3 calls would be decided otherwise:" in shown
    assert f"{own.agent.name} gpt-4o allow → deny" in shown and "may do less:" in shown
    own_lines = shown.split("new and never matched:\n")[1]
    assert "p, nobody, x, allow" in own_lines and "gpt-3.5-turbo" not in own_lines
    assert "in force matched nothing either (--json)" in own_lines
    told = json.loads(own.cli("policy", "what-if", str(draft), "--json").stdout)
    assert (told["flipped_calls"], told["complete"]) == (3, True)
    draft.write_text(POLICY + "p, developer, o3-mini, allow\n")
    assert "\n1 call would be decided otherwise:" in own.cli("policy", "what-if", str(draft)).stdout
    draft.write_text("p, developer\n")
    refused = own.cli("policy", "what-if", str(draft), check=False)
    assert refused.returncode == 1 and "draft.csv:1" in refused.stdout
