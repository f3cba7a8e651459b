"""Starting, failing to start, starting again and stopping."""

import re
import socket
import sqlite3
import subprocess
import threading
import time

import httpx
import pytest

import postgres
from activity import Activity
from gateway import BINARY, POLICY, Gateway, eventually, free_port


def fails_to_start(gate, *words, arguments=("serve",)):
    """One clear line on standard error with these words in it, and exit code 1."""
    done = gate.cli(*arguments, check=False, timeout=20)
    assert done.returncode == 1, (done.returncode, done.stdout, done.stderr)
    lines = [line for line in done.stderr.splitlines() if line.strip()]
    assert len(lines) == 1, done.stderr
    for word in words:
        assert word.lower() in lines[0].lower(), lines[0]
    assert "panicked" not in lines[0] and 'Error("' not in lines[0]
    return lines[0]


def test_a_port_in_use_is_told(start_gate):
    gate = start_gate(started=False)
    with socket.socket() as sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind(("127.0.0.1", gate.port))
        sock.listen()
        fails_to_start(gate, str(gate.port), "in use")


def test_an_address_that_is_none_is_told(start_gate):
    fails_to_start(start_gate(started=False, SERVER__BIND="nonsense"), "server", "bind")


def test_a_second_server_on_the_same_data_directory_is_told(start_gate):
    gate = start_gate()
    gate.env["PORTCULLIS_SERVER__BIND"] = f"127.0.0.1:{free_port()}"
    fails_to_start(gate, str(gate.data_dir))


def test_an_unwritable_data_directory_is_told(start_gate):
    gate = start_gate(started=False, DATA_DIR="/proc/portcullis")
    fails_to_start(gate, "/proc/portcullis")


def test_a_data_directory_that_is_a_file_is_told(start_gate, tmp_path):
    path = tmp_path / "file"
    path.write_text("mine")
    fails_to_start(start_gate(started=False, DATA_DIR=path), str(path))
    assert path.read_text() == "mine"


def test_a_foreign_data_directory_is_told_and_left_alone(start_gate, tmp_path):
    foreign = tmp_path / "foreign"
    foreign.mkdir(mode=0o700)
    with sqlite3.connect(foreign / "state.db") as database:
        database.execute("CREATE TABLE somebody_elses (id INTEGER)")
    before = (foreign / "state.db").read_bytes()
    fails_to_start(start_gate(started=False, DATA_DIR=foreign), str(foreign))
    assert (foreign / "state.db").read_bytes() == before


def test_an_existing_data_directory_and_its_files_become_private(start_gate, tmp_path):
    volume = tmp_path / "volume"
    volume.mkdir()
    (volume / "lost+found").mkdir()
    volume.chmod(0o755)
    start_gate(DATA_DIR=volume)
    assert volume.stat().st_mode & 0o777 == 0o700
    files = {path.name: path.stat().st_mode & 0o077 for path in volume.iterdir() if path.is_file()}
    assert len(files) > 1 and set(files.values()) == {0}, files


def test_a_load_balancer_may_ask_without_a_body(start_gate):
    gate = start_gate()
    for path in ["/healthz", "/readyz"]:
        reply = httpx.head(gate.url + path)
        assert (reply.status_code, reply.content) == (200, b"")


def test_an_unknown_key_in_the_file_is_told_with_its_place(start_gate):
    gate = start_gate(started=False)
    (gate.home / "portcullis.toml").write_text("[server]\nbnid = '127.0.0.1:1'\n")
    fails_to_start(gate, "portcullis.toml", "bnid")


def test_an_unknown_key_in_the_environment_is_told(start_gate):
    fails_to_start(start_gate(started=False, SERVER__BNID="x"), "PORTCULLIS_SERVER__BNID")


def test_another_variable_of_our_prefix_only_warns(start_gate):
    gate = start_gate(SOMETHING="x")
    assert "PORTCULLIS_SOMETHING" in gate.log


def test_a_wrong_value_is_told_with_its_key(start_gate):
    line = fails_to_start(start_gate(started=False, SERVER__WORKERS="many"), "workers")
    assert "many" in line


def test_a_bad_policy_is_told_with_file_line_and_column(start_gate):
    gate = start_gate(started=False, policy=POLICY + "p, developer, gpt-5\n")
    line = fails_to_start(gate, "policy.csv")
    assert re.search(rf"\b{POLICY.count(chr(10)) + 1}\b", line)


def test_a_missing_policy_is_told(start_gate):
    gate = start_gate(started=False)
    gate.policy_file.unlink()
    fails_to_start(gate, "policy.csv")


@pytest.mark.parametrize(
    "url",
    ["mysql://localhost/x", "nonsense", f"postgres://me:canary-password@127.0.0.1:{free_port()}/x"],
    ids=["scheme", "nonsense", "nobody-there"],
)
def test_a_bad_database_url_is_told_without_its_password(start_gate, url):
    line = fails_to_start(start_gate(started=False, database_url=url), "database")
    assert "canary-password" not in line


def test_a_bad_upstream_address_is_told(start_gate):
    fails_to_start(start_gate(upstream_url="no url", started=False), "upstream")


def test_a_server_without_settings_uses_data_beside_it(tmp_path, upstream):
    gate = Gateway(tmp_path / "plain", upstream.base_url)
    del gate.env["PORTCULLIS_DATA_DIR"]
    try:
        gate.start()
        assert gate.data_dir.stat().st_mode & 0o777 == 0o700
    finally:
        gate.stop()


def test_a_second_start_reuses_everything(gate, tmp_path, upstream):
    url = postgres.create_database() if gate.database_url else None
    server = Gateway(tmp_path / "again", upstream.base_url, url)
    try:
        server.start()
        agent = server.create_agent()
        assert server.call(agent).status_code == 200
        first = server.record(agent)
        keys = httpx.get(f"{server.url}/.well-known/jwks.json").json()
        server.stop()
        server.start()
        assert httpx.get(f"{server.url}/.well-known/jwks.json").json() == keys
        assert server.call(agent).status_code == 200, "the token of before is still good"
        assert server.ask_token(agent).status_code == 200
        records = server.records(agent, 2)
        assert records[0] == first
        assert records[0]["node"] == records[1]["node"]
    finally:
        server.stop()
        if url:
            postgres.drop_database(url)


def test_sigterm_lets_a_stream_finish_and_takes_no_new_call(start_gate):
    gate = start_gate()
    agent = gate.create_agent()
    lines = []

    def run_stream():
        with gate.stream(agent, script={"pause_ms": 1000, "chunks": 5}) as reply:
            for line in reply.iter_lines():
                lines.append(line)

    running = threading.Thread(target=run_stream)
    running.start()
    eventually(lambda: lines, what="the stream's first line")
    gate.process.terminate()
    eventually(lambda: is_closed(gate), what="the end of new connections")
    assert running.is_alive(), "it was closed only when the stream had ended"
    running.join(10)
    assert "data: [DONE]" in lines
    gate.stop()
    gate.start()
    assert gate.record(agent)["outcome"] == "completed"


def test_sigterm_ends_an_endless_stream_after_its_time_and_records_it(start_gate, upstream):
    gate = start_gate(SERVER__SHUTDOWN_TIMEOUT_SECS=1)
    agent = gate.create_agent()
    running = threading.Thread(target=lambda: read_until_broken(gate, agent))
    running.start()
    upstream.call_of(agent.name)
    started = time.monotonic()
    gate.stop()
    assert time.monotonic() - started < 6
    running.join(5)
    gate.start()
    assert gate.record(agent)["outcome"] in ("interrupted", "cancelled")


def is_closed(gate):
    try:
        httpx.get(f"{gate.url}/healthz", timeout=1)
    except httpx.TransportError:
        return True
    return False


def read_until_broken(gate, agent):
    try:
        with gate.stream(agent, mark=agent.name, script={"do": "stall"}) as reply:
            for _ in reply.iter_lines():
                pass
    except httpx.TransportError:
        pass


def test_idle_connections_do_not_hold_up_the_end(start_gate):
    gate = start_gate()
    with httpx.Client(base_url=gate.url) as client:
        assert client.get("/healthz").status_code == 200
        started = time.monotonic()
        gate.stop()
    assert time.monotonic() - started < 5


def test_an_open_activity_stream_does_not_hold_up_the_end(start_gate):
    gate = start_gate()
    with Activity(gate) as activity:
        activity.wait_for("hello")
        started = time.monotonic()
        gate.stop()
        assert time.monotonic() - started < 5


def test_a_reader_of_the_log_that_goes_away_stops_nothing_but_the_log(start_gate, agent_of):
    gate = start_gate(upstream_url=f"http://127.0.0.1:{free_port()}/v1", started=False)
    with subprocess.Popen(
        [BINARY, "serve"], env=gate.env, cwd=gate.cwd, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
    ) as gate.process:
        eventually(gate.ready, within=40, what="readiness")
        gate.process.stderr.close()
        reply = gate.call(agent_of(gate))
        assert reply.status_code == 502, reply.text
        gate.process.terminate()
        assert gate.process.wait(timeout=10) == 0
    gate.process = None
