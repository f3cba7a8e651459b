"""Live activity: what administrators see while it happens."""

import time

import httpx

from activity import Activity
from gateway import POLICY, chat
from test_audit import FIELDS


def test_a_call_is_shown_in_flight_and_then_finished(gate):
    agent = gate.create_agent()
    with Activity(gate) as activity:
        activity.wait_for("hello")
        with gate.stream(agent, script={"pause_ms": 400}) as reply:
            decision = reply.headers["x-portcullis-decision"]
            started, _ = activity.wait_for("started", id=decision)
            assert started["outcome"] is None
            assert (started["agent_name"], started["model"], started["stream"]) == (agent.name, "gpt-4o", True)
            assert not any(data.get("id") == decision for event, data, _ in activity.events if event == "exchange")
            for _ in reply.iter_lines():
                pass
        finished, event_id = activity.wait_for("exchange", id=decision)
        assert finished["outcome"] == "completed"
        assert finished["output_tokens"] == 7
        assert sorted(finished) == sorted(FIELDS)
        assert event_id


def test_a_finished_exchange_is_shown_as_it_is_recorded(gate):
    agent = gate.create_agent()
    with Activity(gate) as activity:
        activity.wait_for("hello")
        gate.call(agent)
        shown, _ = activity.wait_for("exchange", agent_name=agent.name)
    recorded = gate.record(agent)
    # Its place in the chain is known when it is stored.
    chained = {"seq", "previous_hash", "event_hash"}
    assert all(recorded[name] for name in chained)
    assert {name: shown[name] for name in shown.keys() - chained} == {
        name: recorded[name] for name in shown.keys() - chained
    }


def test_denied_and_failed_calls_are_shown(sqlite_gate):
    agent = sqlite_gate.create_agent()
    with Activity(sqlite_gate) as activity:
        activity.wait_for("hello")
        sqlite_gate.call(agent, body=chat("o3-mini"))
        sqlite_gate.call(agent, script={"status": 500})
        activity.wait_for("exchange", agent_name=agent.name, policy_result="deny", status_code=403)
        activity.wait_for("exchange", agent_name=agent.name, outcome="upstream_error", status_code=500)


def test_a_stream_that_was_in_flight_before_is_shown_to_who_comes_later(sqlite_gate):
    agent = sqlite_gate.create_agent()
    with sqlite_gate.stream(agent, script={"do": "stall"}) as reply:
        lines = reply.iter_lines()
        next(lines)
        with Activity(sqlite_gate) as activity:
            activity.wait_for("started", agent_name=agent.name)


def test_a_reader_that_comes_back_gets_what_it_missed(gate):
    agent = gate.create_agent()
    with Activity(gate) as activity:
        activity.wait_for("hello")
        first = gate.call(agent).headers["x-portcullis-decision"]
        _, last_id = activity.wait_for("exchange", id=first)
    missed = [gate.call(agent).headers["x-portcullis-decision"] for _ in range(3)]
    with Activity(gate, last_event_id=last_id) as activity:
        for decision in missed:
            activity.wait_for("exchange", id=decision)
        shown = [data["id"] for event, data, _ in activity.events if event == "exchange"]
        mine = [decision for decision in shown if decision in [first, *missed]]
        assert mine == missed, "each once, in order, and nothing that was seen before"


def test_a_last_event_id_from_elsewhere_starts_anew(sqlite_gate, agent_of):
    with Activity(sqlite_gate, last_event_id="no-such-id") as activity:
        activity.wait_for("hello")
        decision = sqlite_gate.call(agent_of(sqlite_gate)).headers["x-portcullis-decision"]
        activity.wait_for("exchange", id=decision)


def test_a_new_policy_is_announced(start_gate):
    gate = start_gate()
    with Activity(gate) as activity:
        activity.wait_for("hello")
        gate.policy_file.write_text(POLICY + "p, developer, gpt-5, allow\n")
        announced, _ = activity.wait_for("policy")
        assert announced


def test_an_event_arrives_within_a_second_of_its_exchange(sqlite_gate, agent_of):
    with Activity(sqlite_gate) as activity:
        activity.wait_for("hello")
        decision = sqlite_gate.call(agent_of(sqlite_gate)).headers["x-portcullis-decision"]
        ended_at = time.monotonic()
        activity.wait_for("exchange", id=decision)
        assert time.monotonic() - ended_at < 1


def test_the_stream_is_for_administrators_only(sqlite_gate):
    assert httpx.get(f"{sqlite_gate.url}/api/v1/activity/stream").status_code == 401


def test_a_session_that_signs_out_is_shown_nothing_more(sqlite_gate):
    admin = sqlite_gate.admin(fresh=True)
    assert admin.get("/api/v1/admin/session").status_code == 200
    assert admin.post("/api/v1/admin/logout").status_code == 204
    assert admin.get("/api/v1/activity/stream").status_code == 401
