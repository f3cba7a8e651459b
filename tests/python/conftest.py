"""Fixtures: a scripted upstream and the gateways in front of it.

`gate` runs a test on SQLite and on Postgres; `sqlite_gate` is the same shared server on SQLite alone; `start_gate`
makes servers of a test's own, for what changes or stops them.
"""

import pytest
from scripted import Upstream

import postgres
import rules
from certificates import Authority
from gateway import BINARY, GATES_KEY, Gateway
from mortal_postgres import MortalPostgres
from small_disk import small_disk


def pytest_sessionstart():
    if not BINARY.exists():
        pytest.exit(f"{BINARY} does not exist; run 'cargo build' first", returncode=1)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    """A failure shows what its servers logged last."""
    report = yield
    if report.failed:
        used = item.funcargs.values()
        gates = [gate for gate in used if isinstance(gate, Gateway)]
        gates += [gate for made in used for gate in getattr(made, "gates", [])]
        for gate in gates:
            report.sections.append((f"log of {gate.url}", gate.log[-4000:]))
    return report


@pytest.fixture(scope="session")
def upstream():
    scripted = Upstream()
    yield scripted
    scripted.stop()


@pytest.fixture(scope="session")
def authority(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="session")
def tls_upstream(authority):
    """A scripted upstream behind TLS, whose certificate only the tests' own authority vouches for."""
    scripted = Upstream(tls=authority.server_context("localhost", "127.0.0.1"))
    yield scripted
    scripted.stop()


@pytest.fixture(scope="session")
def tls_gate(tmp_path_factory, authority, tls_upstream):
    """A server in front of `tls_upstream` that trusts its authority."""
    gate = Gateway(
        tmp_path_factory.mktemp("tls"), tls_upstream.base_url, PORTCULLIS_UPSTREAM__CA_FILE=str(authority.file)
    )
    yield gate.start()
    gate.stop()


@pytest.fixture(scope="session")
def shared_gates(tmp_path_factory, upstream):
    """The servers that many tests share, by backend and settings, each started at its first use."""
    gates = {}

    def gate_on(backend, **settings):
        kind = (backend, *sorted(settings.items()))
        if kind not in gates:
            url = postgres.create_database() if backend == "postgres" else None
            env = {f"PORTCULLIS_{name}": value for name, value in settings.items()}
            gates[kind] = Gateway(tmp_path_factory.mktemp(backend), upstream.base_url, url, **env)
            gates[kind].start()
        return gates[kind]

    yield gate_on
    for gate in gates.values():
        gate.stop()
        if gate.database_url:
            postgres.drop_database(gate.database_url)


@pytest.fixture(params=["sqlite", "postgres"])
def backend(request):
    if request.param == "postgres" and not postgres.URL:
        pytest.skip("PORTCULLIS_TEST_POSTGRES_URL is not set; 'tests/run' sets it")
    return request.param


@pytest.fixture
def gate(backend, shared_gates):
    return shared_gates(backend)


@pytest.fixture
def paying_gate(backend, shared_gates):
    """A shared server with a provider key of its own, so that all its callers share one account."""
    return shared_gates(backend, UPSTREAM__API_KEY=GATES_KEY)


@pytest.fixture
def sqlite_gate(shared_gates):
    return shared_gates("sqlite")


@pytest.fixture(scope="session")
def agent_of():
    """One agent with the role `developer` on a shared server, for tests that only need some agent."""
    agents = {}

    def agent(gate):
        if gate not in agents:
            agents[gate] = gate.create_agent()
        return agents[gate]

    return agent


@pytest.fixture
def start_gate(tmp_path, upstream):
    """Starts servers with settings of their own, and stops them after the test.

    Settings are written as the environment does, without prefix: `start_gate(UPSTREAM__ANSWER_TIMEOUT_SECS=1)`.
    They have a few rules of detection that note, since a debug build takes seconds of a start to compile the shipped
    ones; a test that is about those says `detections=None`.
    """
    gates = []  # also read by the report of a failure

    def start(upstream_url=upstream.base_url, started=True, **settings):
        more = {name: settings.pop(name) for name in ("policy", "detections", "database_url") if name in settings}
        more.setdefault("detections", rules.NOTING)
        env = {f"PORTCULLIS_{name}": str(value) for name, value in settings.items()}
        gate = Gateway(tmp_path / f"gate-{len(gates)}", upstream_url, **more, **env)
        gates.append(gate)
        return gate.start() if started else gate

    start.gates = gates
    yield start
    for gate in gates:
        gate.stop()


@pytest.fixture
def quick_gate(start_gate):
    """Starts servers that start quickly, with few rules of detection, and whose journal is of small files."""
    return lambda **settings: start_gate(**{"detections": rules.NOTING, "AUDIT__SEGMENT_BYTES": 1 << 20, **settings})


@pytest.fixture
def own_gate(backend, start_gate, quick_gate):
    """Starts such servers on SQLite and on Postgres, on a database of the test's own."""
    url = postgres.create_database() if backend == "postgres" else None
    yield lambda **settings: quick_gate(database_url=url, **settings)
    for gate in start_gate.gates:
        gate.stop()
    if url:
        postgres.drop_database(url)


@pytest.fixture
def mortal_postgres():
    """A Postgres server that the test may end and start again."""
    server = MortalPostgres()
    try:
        yield server.start()
    finally:
        server.remove()


@pytest.fixture
def disk():
    """A directory on a disk of 32 MB."""
    with small_disk(32) as place:
        yield place
