"""Whose provider key pays: the AppContext's, or else the caller's, or else the gate's."""

import json
import secrets

import pytest

from gateway import GATES_KEY, PROVIDER_KEY, chat
from surfaces import SURFACES, Caller, check_refusal

TEAM_KEY = "sk-of-the-team"


@pytest.fixture
def mark():
    return secrets.token_hex(8)


@pytest.fixture
def file_of(tmp_path):
    """A file with a key in it."""

    def make(key, name="key"):
        path = tmp_path / name
        path.write_text(f"{key}\n")
        path.chmod(0o600)
        return str(path)

    return make


def from_file(file_of):
    return {"PROVIDER_KEYS__TEAM__FILE": file_of(TEAM_KEY, "team")}


def from_environment(_):
    return {"PROVIDER_KEYS__TEAM__ENV": "PORTCULLIS_TEST_TEAM_KEY", "TEST_TEAM_KEY": TEAM_KEY}


SOURCES = {"file": from_file, "environment": from_environment}


def paid_with(caller, upstream, mark):
    """The `Authorization` with which the provider was called."""
    reply = caller.post("/chat/completions", chat(), mark=mark)
    assert reply.status_code == 200, reply.text
    return upstream.call_of(mark).header("authorization")


@pytest.mark.parametrize("source", SOURCES.values(), ids=SOURCES.keys())
def test_an_app_contexts_key_comes_before_the_callers_and_that_before_the_gates(
    start_gate, file_of, upstream, source, mark
):
    gate = start_gate(UPSTREAM__API_KEY=GATES_KEY, **source(file_of))
    team = gate.create_context(provider_key="team")
    agent = gate.create_agent()
    with_team = Caller(gate, "detection_key", agent=agent, context=team)
    assert paid_with(with_team, upstream, f"{mark}-1") == [f"Bearer {TEAM_KEY}"]
    without_own = Caller(gate, "detection_key", agent=agent, context=team, provider_key=None)
    assert paid_with(without_own, upstream, f"{mark}-2") == [f"Bearer {TEAM_KEY}"]
    own = Caller(gate, "detection_key", agent=agent)
    assert paid_with(own, upstream, f"{mark}-3") == [f"Bearer {PROVIDER_KEY}"]
    none = Caller(gate, "detection_key", agent=agent, provider_key=None)
    assert paid_with(none, upstream, f"{mark}-4") == [f"Bearer {GATES_KEY}"]

    headers = {"OpenAI-Organization": "org-other"}
    assert with_team.post("/chat/completions", chat(), mark=f"{mark}-5", headers=headers).status_code == 200
    assert upstream.call_of(f"{mark}-5").header("openai-organization") == [], "the team pays, so it chooses"
    gate.cli("app-context", "set", team, "--no-provider-key")
    gate.stop()
    gate.start()
    assert paid_with(with_team, upstream, f"{mark}-6") == [f"Bearer {PROVIDER_KEY}"]


@pytest.mark.parametrize("surface", SURFACES)
def test_callers_may_be_forbidden_keys_of_their_own(start_gate, upstream, surface, mark):
    gate = start_gate(UPSTREAM__API_KEY=GATES_KEY, UPSTREAM__CALLER_KEYS="false")
    caller = Caller(gate, surface)
    assert paid_with(caller, upstream, mark) == [f"Bearer {GATES_KEY}"]
    assert PROVIDER_KEY not in json.dumps(upstream.call_of(mark).headers)


def test_without_any_key_that_may_be_used_the_call_is_401(start_gate, upstream, mark):
    gate = start_gate(UPSTREAM__CALLER_KEYS="false")
    agent = gate.create_agent()
    for surface in SURFACES:
        caller = Caller(gate, surface, agent=agent)
        check_refusal(caller, caller.post("/chat/completions", chat(), mark=mark), 401, "provider_key_missing")
    assert not upstream.saw(mark)


@pytest.mark.parametrize("surface", SURFACES)
def test_the_gates_own_key_can_be_in_a_file(start_gate, file_of, upstream, surface, mark):
    gate = start_gate(UPSTREAM__API_KEY_FILE=file_of(GATES_KEY))
    assert paid_with(Caller(gate, surface, provider_key=None), upstream, mark) == [f"Bearer {GATES_KEY}"]


def test_an_app_context_whose_key_is_no_longer_configured_pays_with_no_other(start_gate, file_of, upstream, mark):
    gate = start_gate(UPSTREAM__API_KEY=GATES_KEY, **from_file(file_of))
    caller = Caller(gate, "detection_key", context=gate.create_context(provider_key="team"))
    gate.stop()
    del gate.env["PORTCULLIS_PROVIDER_KEYS__TEAM__FILE"]
    gate.start()
    check_refusal(caller, caller.post("/chat/completions", chat(), mark=mark), 503, "gateway_unavailable")
    assert not upstream.saw(mark)


@pytest.mark.parametrize(
    ("settings", "named"),
    [
        ({"PROVIDER_KEYS__TEAM__FILE": "/does/not/exist"}, "provider_keys.team.file"),
        ({"PROVIDER_KEYS__TEAM__ENV": "PORTCULLIS_NOT_SET_ANYWHERE"}, "provider_keys.team.env"),
        ({"PROVIDER_KEYS__TEAM__FILE": "/x", "PROVIDER_KEYS__TEAM__ENV": "Y"}, "provider_keys.team"),
        ({"UPSTREAM__API_KEY_FILE": "/does/not/exist"}, "upstream.api_key_file"),
        ({"UPSTREAM__API_KEY_FILE": "/x", "UPSTREAM__API_KEY": GATES_KEY}, "upstream.api_key"),
    ],
)
def test_a_key_that_cannot_be_had_stops_the_start_and_names_its_setting(start_gate, settings, named):
    done = start_gate(started=False, **settings).cli("serve", check=False)
    assert done.returncode == 1
    said = done.stderr + done.stdout
    assert named in said or f"PORTCULLIS_{named.upper().replace('.', '__')}" in said
    assert GATES_KEY not in said


@pytest.mark.parametrize(
    "content", ["two words", "", "sk-caf\u00e9", "sk-\x01"], ids=["space", "empty", "accent", "control"]
)
def test_a_file_without_a_key_stops_the_start_without_showing_what_it_holds(start_gate, file_of, content):
    gate = start_gate(started=False, PROVIDER_KEYS__TEAM__FILE=file_of(content))
    done = gate.cli("serve", check=False)
    assert done.returncode == 1
    assert not content or content not in done.stderr + done.stdout


def test_the_printed_configuration_names_keys_and_shows_none(start_gate, file_of):
    gate = start_gate(
        started=False,
        UPSTREAM__API_KEY_FILE=file_of(GATES_KEY),
        PROVIDER_KEYS__OPS__ENV="PORTCULLIS_TEST_OPS_KEY",
        TEST_OPS_KEY="sk-of-the-operators",
        **from_file(file_of),
    )
    for arguments in [["config"], ["config", "--json"]]:
        shown = gate.cli(*arguments).stdout
        assert "provider_keys.team.file" in shown or '"team"' in shown
        assert "PORTCULLIS_TEST_OPS_KEY" in shown
        for key in [GATES_KEY, TEAM_KEY, "sk-of-the-operators"]:
            assert key not in shown
