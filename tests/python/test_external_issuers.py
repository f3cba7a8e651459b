"""Agents whose tokens an issuer outside vouches for: which are believed, what they may do, and who they become.

What happens when the issuer fails or rotates its keys is in test_issuer_keys.py.
"""

import secrets
import time

import pytest

from callers import check_refused, present, together
from gateway import PROMPTLY, Gateway, eventually
from issuer import AUDIENCE, Issuer, Key

ROLE_MAP = "corp-dev=developer, corp-reader=reader, corp-writer=writer"


class Scene:
    """A server that believes several issuers, each in its own way."""

    def __init__(self, home, upstream):
        self.corp = Issuer("RS256", "ES256", "EdDSA")
        self.strict = Issuer("ES256")
        self.pinned = Issuer("RS256", "ES256")
        self.nested = Issuer("EdDSA")
        self.issuers = [self.corp, self.strict, self.pinned, self.nested]
        create = {"unknown_agents": "create", "role_map": ROLE_MAP, "agent_type": "interactive"}
        settings = {
            **self.corp.settings("corp", **create),
            **self.strict.settings("strict", discovery=False, role_map=ROLE_MAP),
            **self.pinned.settings("pinned", **create, algorithms="RS256"),
            **self.nested.settings(
                "nested",
                discovery=False,
                unknown_agents="create",
                role_map=ROLE_MAP,
                agent_claim="client.id",
                roles_claim="realm_access.roles",
            ),
        }
        env = {f"PORTCULLIS_{name}": value for name, value in settings.items()}
        self.gate = Gateway(home, upstream.base_url, **env).start()

    def stop(self):
        self.gate.stop()
        for issuer in self.issuers:
            issuer.stop()

    def register(self, issuer, subject, *arguments):
        """Registers an agent for an issuer's subject; its name."""
        name = f"agent-{secrets.token_hex(4)}"
        identity = ["--issuer", issuer, "--subject", subject]
        self.gate.cli("agent", "create", name, "--role", "developer", *identity, *arguments, "--json")
        return name

    def record_of(self, name):
        """The one finished record of the agent with this name."""
        with self.gate.admin() as admin:

            def finished():
                reply = admin.get("/api/v1/audit/events", params={"limit": 1000, "agent": name})
                return [record for record in reply.json()["events"] if record["outcome"] is not None]

            records = eventually(finished, what=f"a record of {name}")
        assert len(records) == 1, records
        return records[0]


@pytest.fixture(scope="module")
def scene(tmp_path_factory, upstream):
    scene = Scene(tmp_path_factory.mktemp("issuers"), upstream)
    yield scene
    scene.stop()


def new_subject():
    return f"subject-{secrets.token_hex(4)}"


# Which tokens are believed


@pytest.mark.parametrize("algorithm", ["RS256", "ES256", "EdDSA"])
def test_a_token_of_each_algorithm_is_believed(scene, algorithm):
    key = next(key for key in scene.corp.keys if key.algorithm == algorithm)
    token = scene.corp.token(new_subject(), key=key, roles=["corp-dev"])
    assert present(scene.gate, token).status_code == 200


def test_only_the_configured_algorithms_are_believed(scene):
    rsa, ec = scene.pinned.keys
    assert present(scene.gate, scene.pinned.token(new_subject(), key=rsa, roles=["corp-dev"])).status_code == 200
    refused = present(scene.gate, scene.pinned.token(new_subject(), key=ec, roles=["corp-dev"]))
    check_refused(refused, 401, "invalid_agent_token")


@pytest.mark.parametrize("typ", [None, "JWT", "jwt", "at+jwt", "application/at+jwt"])
def test_ordinary_types_of_tokens_are_believed(scene, typ):
    token = scene.corp.token(new_subject(), header={"typ": typ}, roles=["corp-dev"])
    assert present(scene.gate, token).status_code == 200


@pytest.mark.parametrize("aud", [[AUDIENCE], ["account", AUDIENCE]], ids=["a-list", "among-others"])
def test_the_audience_may_be_a_list(scene, aud):
    assert present(scene.gate, scene.corp.token(new_subject(), aud=aud, roles=["corp-dev"])).status_code == 200


NOW = int(time.time())
WRONG = {
    "no-audience": {"aud": None},
    "another-audience": {"aud": "account"},
    "an-empty-audience": {"aud": []},
    "audiences-in-one-text": {"aud": f"{AUDIENCE} account"},
    "audience-in-capitals": {"aud": AUDIENCE.upper()},
    "another-issuer": {"iss": "http://127.0.0.1:1/"},
    "no-issuer": {"iss": None},
    "expired": {"exp": NOW - 1},
    "no-end": {"exp": None},
    "end-as-text": {"exp": str(NOW + 600)},
    "not-before": {"nbf": NOW + 3_600},
    "issued-in-the-future": {"iat": NOW + 3_600},
    "no-subject": {"subject": None},
    "an-empty-subject": {"subject": ""},
    "a-number-as-subject": {"subject": 7},
    "two-lines-as-subject": {"subject": "a\nb"},
    "a-long-subject": {"subject": "x" * 257},
    "a-number-as-role": {"roles": ["corp-dev", 7]},
    "an-object-as-roles": {"roles": {"corp-dev": True}},
}


@pytest.mark.parametrize("claims", WRONG.values(), ids=WRONG.keys())
def test_a_truly_signed_token_that_says_something_wrong_is_401(scene, claims):
    token = scene.corp.token(**{"subject": new_subject(), "roles": ["corp-dev"], **claims})
    check_refused(present(scene.gate, token), 401, "invalid_agent_token")


def test_an_issuers_key_vouches_for_its_own_subjects_alone(scene):
    claims = scene.corp.claims(new_subject(), roles=["corp-dev"])
    for key in [*scene.strict.keys, *scene.pinned.keys, Key("ES256", kid=scene.corp.keys[1].kid)]:
        check_refused(present(scene.gate, key.sign(claims)), 401, "invalid_agent_token")


def test_an_issuer_outside_cannot_vouch_for_an_agent_of_the_gates_own(scene):
    agent = scene.gate.create_agent()
    forged = scene.corp.token(agent.agent_id, iss="portcullis", roles=["corp-dev"])
    check_refused(present(scene.gate, forged), 401, "invalid_agent_token")
    # In its own name it speaks of somebody else, whatever the subject is called.
    for subject in [agent.agent_id, agent.name]:
        assert present(scene.gate, scene.corp.token(subject, roles=["corp-dev"])).status_code == 200
    assert present(scene.gate, agent.token).status_code == 200
    assert not scene.gate.record(agent)["token_id"].startswith("corp:")


# What they may do


@pytest.mark.parametrize(
    ("roles", "model", "code"),
    [
        (["corp-dev"], "gpt-4o", None),
        (["corp-dev"], "o3-mini", "model_not_allowed"),
        (["other", "corp-dev"], "gpt-4o", None),
        (["corp-writer"], "o3-mini", None),
        (["corp-reader", "corp-writer"], "gpt-4o", None),
        ("openid corp-dev", "gpt-4o", None),
        (["corp-reader"], "gpt-4o", "permission_denied"),
        (["developer"], "gpt-4o", "permission_denied"),
        (["CORP-DEV"], "gpt-4o", "permission_denied"),
        (["corp-dev "], "gpt-4o", "permission_denied"),
        ([], "gpt-4o", "permission_denied"),
        (None, "gpt-4o", "permission_denied"),
    ],
    ids=str,
)
def test_mapped_roles_give_their_grants_and_others_count_for_nothing(scene, roles, model, code):
    reply = present(scene.gate, scene.corp.token(new_subject(), roles=roles), model)
    if code:
        check_refused(reply, 403, code)
    else:
        assert reply.status_code == 200, reply.text


def test_roles_and_the_agent_are_read_from_nested_claims(scene):
    subject = new_subject()
    nested = {"client": {"id": subject}, "realm_access": {"roles": ["corp-dev"]}}
    token = scene.nested.token(None, roles=["corp-writer"], **nested)
    assert present(scene.gate, token, "gpt-4o-mini").status_code == 200
    record = scene.record_of(f"nested.{subject}")
    assert record["roles"] == ["developer"]
    assert record["agent_type"] == "autonomous"
    assert record["token_id"].startswith("nested:")
    denied = present(scene.gate, token, "gpt-4o")
    check_refused(denied, 403, "model_not_allowed")


def test_a_token_adds_roles_to_those_of_the_registered_agent(scene):
    subject = new_subject()
    scene.register("strict", subject)
    more = scene.strict.token(subject, roles=["corp-writer"])
    eventually(lambda: present(scene.gate, more, "o3-mini").status_code == 200, within=PROMPTLY, what="a known subject")
    fewer = scene.strict.token(subject, roles=[])
    assert present(scene.gate, fewer, "gpt-4o-mini").status_code == 200
    check_refused(present(scene.gate, fewer, "o3-mini"), 403, "model_not_allowed")


# Who they become


def test_an_unknown_subject_is_registered_at_its_first_token(scene):
    subject = new_subject()
    name = f"corp.{subject}"
    assert scene.gate.cli("agent", "show", name, check=False).returncode == 1
    assert present(scene.gate, scene.corp.token(subject, roles=["corp-dev"])).status_code == 200
    record = scene.record_of(name)
    assert (record["agent_name"], record["agent_type"]) == (name, "interactive")
    assert record["outcome"] == "completed"
    assert "corp" in scene.gate.cli("agent", "show", name).stdout


def test_one_subject_is_one_agent_however_many_tokens_come_at_once(scene):
    subject = new_subject()
    tokens = [scene.corp.token(subject, roles=["corp-dev"]) for _ in range(12)]
    replies = together([lambda token=token: present(scene.gate, token) for token in tokens])
    assert [reply.status_code for reply in replies] == [200] * 12
    listed = scene.gate.cli("agent", "list").stdout
    assert listed.count(subject) == 1


@pytest.mark.parametrize(
    "subject", ["Alice Example|7", "ünï", "../../etc", "a" * 200, "developer", "x'; DROP TABLE agents"]
)
def test_any_subject_becomes_an_agent_with_a_name_of_its_own(scene, subject):
    for _ in range(2):
        assert present(scene.gate, scene.corp.token(subject, roles=["corp-dev"])).status_code == 200
    twin = scene.corp.token(subject.swapcase(), roles=["corp-dev"])
    assert present(scene.gate, twin).status_code == 200


def test_an_unknown_subject_is_401_where_agents_must_be_registered(scene):
    check_refused(present(scene.gate, scene.strict.token(new_subject())), 401, "invalid_agent_token")


def test_a_registered_agent_is_known_by_its_issuers_subject(scene):
    subject = new_subject()
    name = scene.register("strict", subject)
    token = scene.strict.token(subject)
    eventually(lambda: present(scene.gate, token, "gpt-4o").status_code == 200, within=PROMPTLY, what="a known subject")
    assert scene.record_of(name)["agent_name"] == name
    # The same subject at another issuer is somebody else.
    check_refused(present(scene.gate, scene.pinned.token(subject), "gpt-4o"), 403, "permission_denied")


def test_a_subject_belongs_to_one_agent(scene):
    subject = new_subject()
    scene.register("strict", subject)
    again = ["agent", "create", f"agent-{secrets.token_hex(4)}", "--role", "developer"]
    done = scene.gate.cli(*again, "--issuer", "strict", "--subject", subject, check=False)
    assert done.returncode == 1
    assert done.stderr.strip()


def test_a_suspended_agent_is_403_with_any_of_its_issuers_tokens(scene):
    subject = new_subject()
    known, new = (scene.corp.token(subject, roles=["corp-dev"]) for _ in range(2))
    assert present(scene.gate, known).status_code == 200
    scene.gate.cli("agent", "suspend", f"corp.{subject}")
    refused = lambda: present(scene.gate, known).status_code == 403  # noqa: E731
    eventually(refused, within=PROMPTLY, what="the suspension", may_cut=True)
    for token in [known, new]:
        check_refused(present(scene.gate, token), 403, "agent_suspended")
    scene.gate.cli("agent", "resume", f"corp.{subject}")
    eventually(lambda: present(scene.gate, known).status_code == 200, within=PROMPTLY, what="the resumption")
