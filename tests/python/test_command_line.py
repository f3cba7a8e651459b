"""The command line: exit codes, help, and what scripts read."""

import json

import httpx
import pytest


def test_help_shows_an_example_for_every_command(sqlite_gate):
    for arguments in [["serve"], ["agent", "create"], ["policy", "check"], ["policy", "explain"], ["demo"]]:
        done = sqlite_gate.cli(*arguments, "--help")
        assert "example" in done.stdout.lower(), arguments
        assert done.stderr == ""


def test_version_is_told(sqlite_gate):
    assert sqlite_gate.cli("--version").stdout.startswith("portcullis ")


@pytest.mark.parametrize(
    "arguments",
    [["nonsense"], ["agent"], ["agent", "create"], ["agent", "create", "x", "--nonsense"], ["serve", "extra"]],
)
def test_wrong_usage_is_exit_code_2(sqlite_gate, arguments):
    done = sqlite_gate.cli(*arguments, check=False)
    assert done.returncode == 2
    assert done.stderr and not done.stdout


def test_what_is_refused_is_exit_code_1_with_one_line(sqlite_gate):
    for arguments in [["agent", "show", "nobody"], ["agent", "suspend", "nobody"], ["policy", "check", "/nowhere.csv"]]:
        done = sqlite_gate.cli(*arguments, check=False)
        assert done.returncode == 1, arguments
        assert len(done.stderr.strip().splitlines()) == 1, done.stderr
        assert not done.stdout


def test_agents_are_listed_and_shown_without_their_secret(gate):
    agent = gate.create_agent("developer", "reader", agent_type="autonomous")
    listed = json.loads(gate.cli("agent", "list", "--json").stdout)
    assert agent.name in json.dumps(listed)
    shown = json.loads(gate.cli("agent", "show", agent.name, "--json").stdout)
    assert shown["client_id"] == agent.client_id
    assert (shown["agent_type"], shown["status"]) == ("autonomous", "active")
    assert sorted(shown["roles"]) == ["developer", "reader"]
    for printed in [gate.cli("agent", "list").stdout, gate.cli("agent", "show", agent.name).stdout, json.dumps(shown)]:
        assert agent.name in printed
        assert agent.client_secret not in printed


def test_the_command_line_works_without_a_running_server(start_gate):
    gate = start_gate(started=False)
    created = json.loads(gate.cli("agent", "create", "early-bird", "--role", "developer", "--json").stdout)
    gate.start()
    body = {**{key: created[key] for key in ("client_id", "client_secret")}, "grant_type": "client_credentials"}
    assert httpx.post(f"{gate.url}/api/v1/auth/token", json=body).status_code == 200


def test_the_configuration_is_printed_with_each_values_source(sqlite_gate):
    shown = sqlite_gate.cli("config").stdout
    assert "PORTCULLIS_SERVER__BIND" in shown
    assert f"127.0.0.1:{sqlite_gate.port}" in shown
    assert "default" in shown


def test_a_configuration_file_can_be_named(sqlite_gate, tmp_path):
    path = tmp_path / "mine.toml"
    path.write_text("[log]\nformat = 'json'\n")
    shown = sqlite_gate.cli("--config", str(path), "config").stdout
    assert "mine.toml" in shown
