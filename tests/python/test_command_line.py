"""The command line: exit codes, help, and what scripts read."""

import base64
import json
import subprocess

import httpx
import pytest

from gateway import BINARY, POLICY, chat


def test_help_shows_an_example_for_every_command(sqlite_gate):
    for arguments in [["serve"], ["agent", "create"], ["policy", "check"], ["policy", "explain"], ["demo"]]:
        done = sqlite_gate.cli(*arguments, "--help")
        assert "example" in done.stdout.lower(), arguments
        own, _, of_all = done.stdout.partition("\nGlobal options:\n")
        assert "--data-dir" in of_all and "--data-dir" not in own.partition("\nOptions:")[2], done.stdout
        assert done.stderr == ""


def test_help_shows_an_example_for_every_group(sqlite_gate):
    for group in ["agent", "app-context", "key", "keys", "user", "policy", "audit"]:
        assert f"Example: portcullis {group} " in sqlite_gate.cli(group, "--help").stdout


def test_what_only_reads_makes_nothing_in_the_wrong_directory(sqlite_gate, tmp_path):
    key = base64.b64encode(bytes(32)).decode()
    for command in [
        "agent list", "agent show x", "agent suspend x", "app-context list", "user list", "key list", "keys list",
        "policy versions", "policy rollback 1 --reason back", "policy explain --agent x", "audit tail", "audit export",
        "audit sessions", "audit status", "audit set-aside", "audit key --all", f"audit verify --public-key {key}",
    ]:
        done = sqlite_gate.cli("--data-dir", str(tmp_path / "data"), *command.split(), check=False)
        refusal = f"portcullis: no database in {tmp_path}/data: start where the server runs, or say --data-dir\n"
        assert (done.returncode, done.stdout, done.stderr) == (1, "", refusal), command
    assert not list(tmp_path.iterdir())


def test_a_name_is_no_address_to_listen_on(sqlite_gate):
    done = sqlite_gate.cli("serve", "--bind", "localhost:8302", check=False)
    assert done.returncode == 2
    assert "expected an IP address and a port" in done.stderr and "no host name" in done.stderr


def test_a_new_key_comes_with_when_it_is_known(sqlite_gate):
    agent, context = sqlite_gate.create_agent(), sqlite_gate.create_context()
    shown = sqlite_gate.cli("key", "create", "--app-context", context, "--agent", agent.name).stdout
    assert shown.endswith("\nA running server takes it up within a second.\n")


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


def test_an_agents_name_is_never_a_role(start_gate):
    gate = start_gate(started=False)
    done = gate.cli("agent", "create", "developer", "--role", "reader", check=False)
    assert done.returncode == 1 and "role" in done.stderr
    gate.cli("agent", "create", "research-bot", "--role", "developer")
    done = gate.cli("agent", "create", "another", "--role", "research-bot", check=False)
    assert done.returncode == 1 and "research-bot" in done.stderr
    done = gate.cli("agent", "set-role", "research-bot", "--role", "research-bot", check=False)
    assert done.returncode == 1


def test_a_role_that_the_policy_does_not_know_is_warned_of(start_gate):
    gate = start_gate(started=False)
    assert gate.cli("agent", "create", "first", "--role", "senior").stderr == ""
    created = gate.cli("agent", "create", "second", "--role", "develper", "--json")
    assert "did you mean developer?" in created.stderr and "client_secret" in json.loads(created.stdout)
    assert "develper" in gate.cli("agent", "set-role", "second", "--role", "develper").stderr
    assert gate.cli("agent", "set-role", "second", "--role", "developer").stderr == ""


def test_a_line_that_denies_may_be_there_before_its_agent(start_gate):
    lines = "p, denied-bot, gpt-4o, deny\np, allowed-bot, gpt-4o, allow\ng, member-bot, developer\n"
    gate = start_gate(started=False, policy=POLICY + lines)
    gate.cli("agent", "create", "denied-bot", "--role", "developer")
    gate.cli("agent", "create", "member-bot", "--role", "developer")
    done = gate.cli("agent", "create", "allowed-bot", "--role", "developer", check=False)
    assert done.returncode == 1 and "allowed-bot" in done.stderr


def test_the_record_can_be_followed(gate):
    agent = gate.create_agent()
    followed = subprocess.Popen(
        [BINARY, "audit", "tail", "--follow", "--json", "--agent", agent.name],
        env=gate.env, cwd=gate.cwd, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )
    try:
        for model in ["gpt-4o", "gpt-4o-mini"]:
            gate.call(agent, body=chat(model=model))
            assert json.loads(followed.stdout.readline())["model"] == model
    finally:
        followed.terminate()
        assert "panic" not in followed.communicate(timeout=10)[1]
