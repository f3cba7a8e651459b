"""The record cannot be changed unnoticed: in the database, in an export, in the proof of one call."""

import base64
import hashlib
import json
import random
import re
import shutil
import sqlite3
import subprocess
import sys
import uuid
from datetime import UTC, datetime, timedelta

import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from auditor import settle_changes
from gateway import BINARY, ROOT, Gateway, chat, eventually

CALLS = 6
# The records of the changes that a first start, an agent and a sign-in are.
BEFORE = 4


def at(call):
    """The place of a call's record in the chain."""
    return BEFORE + call


def block(language, beginning):
    """The code block of the guide that begins so."""
    blocks = re.findall(rf"```{language}\n(.*?)```", (ROOT / "docs/audit.md").read_text(), re.DOTALL)
    [found] = [code for code in blocks if code.startswith(beginning)]
    return found


@pytest.fixture(scope="module")
def signed_data(tmp_path_factory, upstream):
    """The data directory of a stopped gateway with six chained records of calls, all of them signed for."""
    gate = Gateway(tmp_path_factory.mktemp("signed"), upstream.base_url, PORTCULLIS_AUDIT__CHECKPOINT_EVERY_SECS="1")
    gate.start()
    agent = gate.create_agent()
    assert settle_changes(gate) == BEFORE
    for _ in range(CALLS):
        gate.call(agent)
    gate.records(agent, CALLS)
    file = gate.data_dir / "checkpoints.jsonl"

    def all_are_signed():
        lines = file.read_text().splitlines() if file.exists() else []
        return lines and json.loads(lines[-1])["seq"] == at(CALLS)

    eventually(all_are_signed, within=20, what="a checkpoint of the last record")
    gate.stop()
    return gate.data_dir


@pytest.fixture
def signed_gate(signed_data, tmp_path, upstream):
    """A copy of it, for the command line alone."""
    gate = Gateway(tmp_path / "signed", upstream.base_url)
    shutil.copytree(signed_data, gate.data_dir)
    return gate


def change(gate, *statements):
    """Runs SQL in which `seq` counts calls, from 1 on."""
    with sqlite3.connect(gate.data_dir / "record.db", timeout=10) as database:
        for statement in statements:
            in_the_chain = re.sub(r"(\bseq [<>=]+ )(\d+)", lambda it: f"{it[1]}{at(int(it[2]))}", statement)
            assert database.execute(in_the_chain).rowcount > 0, in_the_chain


def verify(gate, *arguments):
    return gate.cli("audit", "verify", *arguments, check=False)


def offline(directory, *arguments, stdin=None):
    """`audit verify` as an auditor runs it: no configuration, no database, nothing in the directory."""
    run = [BINARY, "audit", "verify", *map(str, arguments)]
    environment = {"PATH": "/usr/bin:/bin", "HOME": str(directory)}
    return subprocess.run(run, env=environment, cwd=directory, input=stdin, capture_output=True, timeout=20)


def test_what_nobody_touched_is_sound(gate):
    agent = gate.create_agent()
    gate.call(agent)
    gate.records(agent, 1)
    done = verify(gate)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "sound" in done.stdout and done.stderr == ""
    verdict = json.loads(gate.cli("audit", "verify", "--json").stdout)
    assert verdict["sound"] and verdict["problems"] == []
    assert verdict["records"] >= 1
    assert verify(gate, "--from", "2020-01-01", "--to", "2020-01-02").returncode == 0


SET_SQL = "UPDATE audit_records SET {} WHERE seq = 3"


@pytest.mark.parametrize(
    "statements",
    [
        [SET_SQL.format("model = 'gpt-4o-mini'")],
        [SET_SQL.format("policy_result = 'deny'")],
        [SET_SQL.format("agent_name = NULL")],
        [SET_SQL.format("input_tokens = input_tokens + 1")],
        [SET_SQL.format("findings = '[] '")],
        [SET_SQL.format("roles = replace(roles, '[', '[ ')")],
        [SET_SQL.format("id = upper(id)")],
        [SET_SQL.format("event_hash = zeroblob(32)")],
        [SET_SQL.format("previous_hash = zeroblob(32)")],
        [SET_SQL.format("id = '01932f0e-1c00-7000-8000-0000000000ff'")],
        [SET_SQL.format("status_code = 'no number'")],
        ["DELETE FROM audit_records WHERE seq = 3"],
        ["DELETE FROM audit_records WHERE seq <= 3"],
        [
            "UPDATE audit_records SET seq = 100 WHERE seq = 3",
            "UPDATE audit_records SET seq = 3 WHERE seq = 4",
            "UPDATE audit_records SET seq = 4 WHERE seq = 100",
        ],
        [
            "UPDATE audit_records SET position = -1 WHERE seq = 3",
            "UPDATE audit_records SET position = (SELECT max(position) FROM audit_records) + 1 WHERE seq = 3",
        ],
    ],
    ids=lambda statements: statements[0][:60],
)
def test_a_change_in_the_database_is_found_and_its_record_named(signed_gate, statements):
    assert verify(signed_gate).returncode == 0
    change(signed_gate, *statements)
    done = verify(signed_gate)
    assert done.returncode == 1, done.stdout
    assert "not sound" in done.stderr
    named = re.search(r"record (\d+)", done.stderr)
    assert named and int(named[1]) in (at(3), at(4)), done.stderr


def test_records_that_were_cut_off_are_missed_as_the_file_knows_more(signed_gate):
    change(signed_gate, f"DELETE FROM audit_records WHERE seq > {CALLS - 2}", "DELETE FROM audit_checkpoints")
    change(signed_gate, f"UPDATE audit_chains SET seq = {CALLS - 2}")
    done = verify(signed_gate)
    assert done.returncode == 1
    assert f"{at(CALLS - 1)} to {at(CALLS)}" in done.stderr, done.stderr


def test_a_checkpoint_that_was_changed_is_found_and_the_rest_is_verified(signed_gate):
    for old, new in (('"seq":', '"seq": '), ('"signature":"', '"signature":"A')):
        change(signed_gate, f"UPDATE audit_checkpoints SET document = replace(document, '{old}', '{new}')")
        done = verify(signed_gate, "--json")
        assert done.returncode == 1 and "the checkpoint at record" in done.stderr, done.stderr
        verdict = json.loads(done.stdout)
        assert verdict["records"] == at(CALLS) and verdict["nodes"][0]["last_checkpoint"] == at(CALLS)
        change(signed_gate, f"UPDATE audit_checkpoints SET document = replace(document, '{new}', '{old}')")
        assert verify(signed_gate).returncode == 0


def today(days=0):
    return (datetime.now(UTC) + timedelta(days)).strftime("%Y-%m-%d")


@pytest.mark.parametrize("kept", [f"seq > {CALLS - 2}", "seq > 1", "seq < 3", "seq >= 2 AND seq <= 4", "seq > 0"])
@pytest.mark.parametrize("to", [None, 1])
def test_a_range_misses_what_was_signed_within_it(signed_gate, kept, to):
    arguments = ("--from", today(-1), *(("--to", today(to)) if to else ()))
    assert verify(signed_gate, *arguments).returncode == 0
    change(signed_gate, f"DELETE FROM audit_records WHERE {kept}", "DELETE FROM audit_checkpoints")
    done = verify(signed_gate, *arguments)
    assert done.returncode == 1 and "not sound" in done.stderr, done.stdout
    # What was signed later says nothing of a time before.
    assert verify(signed_gate, "--from", today(-2), "--to", today(-1)).returncode == 0


def public_key(key):
    return base64.b64encode(key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)).decode()


def forged_checkpoint(key, **fields):
    """A checkpoint as a gateway with this key would sign it."""
    key_id = hashlib.sha256(base64.b64decode(public_key(key))).hexdigest()[:16]
    message = {**fields, "key_id": key_id}
    signed = key.sign(json.dumps(message, sort_keys=True, separators=(",", ":")).encode())
    order = ("node", "seq", "event_hash", "kind", "signed_at", "key_id")
    document = {name: message[name] for name in order} | {"signature": base64.b64encode(signed).decode()}
    return key_id, json.dumps(document, separators=(",", ":"))


def test_a_key_that_the_database_has_of_another_gateway_excuses_nothing(signed_gate):
    key = Ed25519PrivateKey.generate()
    with sqlite3.connect(signed_gate.data_dir / "record.db") as database:
        [[node, event_hash]] = database.execute(
            f"SELECT node, event_hash FROM audit_records WHERE seq = {at(4)}"
        )
    fields = {"node": node, "seq": at(4), "event_hash": event_hash.hex(), "kind": "retention"}
    key_id, document = forged_checkpoint(key, **fields, signed_at=f"{today()}T00:00:00.000Z")
    change(
        signed_gate,
        f"INSERT INTO audit_keys VALUES ('{key_id}', '{public_key(key)}', 'gw-eu-2', 1)",
        "INSERT INTO audit_checkpoints (node, seq, kind, signed_at, document) "
        f"VALUES ('{node}', {at(4)}, 'retention', 1, '{document}')",
        "DELETE FROM audit_records WHERE seq <= 4",
    )
    done = verify(signed_gate)
    assert done.returncode == 1 and "the key of another gateway" in done.stderr, done.stdout
    assert f"record {at(5)} " in done.stdout and "not removed by retention" in done.stdout
    verdict = json.loads(verify(signed_gate, "--json").stdout)
    own = signed_gate.cli("audit", "key").stdout.strip()
    trusted = [(it["public_key"], it["node"], it["source"]) for it in verdict["trusted"]]
    assert trusted == [(own, None, "local"), (public_key(key), "gw-eu-2", "database")]
    listed = signed_gate.cli("audit", "key", "--all").stdout.splitlines()
    told = {f"{public_key(key)}  gw-eu-2, as the database says", f"{own}  {node}, as the database says"}
    assert set(listed) == told
    # Whoever vouches for that gateway can say so.
    assert verify(signed_gate, "--public-key", public_key(key)).returncode == 0


def test_the_file_of_checkpoints_is_named_and_missed(signed_gate):
    file = signed_gate.data_dir / "checkpoints.jsonl"
    count = len(file.read_text().splitlines())
    assert f"{count} checkpoints from {file}" in verify(signed_gate).stdout
    file.unlink()
    done = verify(signed_gate)
    assert done.returncode == 1 and "file of checkpoints" in done.stderr


@pytest.fixture
def exported(signed_gate, tmp_path):
    """An export, the key, and an empty directory to verify them in."""
    directory = tmp_path / "auditor"
    directory.mkdir()
    export, key = directory / "export.jsonl", directory / "portcullis.pub"
    signed_gate.cli("audit", "export", "--out", str(export))
    key.write_text(signed_gate.cli("audit", "key").stdout)
    return directory, export, key


def test_an_export_is_verified_with_nothing_but_the_key(exported):
    directory, export, key = exported
    done = offline(directory, "--file", export, "--public-key", key)
    assert done.returncode == 0, done.stderr
    assert b"sound" in done.stdout
    assert sorted(path.name for path in directory.iterdir()) == ["export.jsonl", "portcullis.pub"]
    by_text = offline(directory, "--file", "-", "--public-key", key.read_text().strip(), stdin=export.read_bytes())
    assert by_text.returncode == 0, by_text.stderr
    assert offline(directory, "--file", export).returncode == 2, "a key is needed"
    stranger = "A" * 43 + "="
    assert offline(directory, "--file", export, "--public-key", stranger).returncode == 1


def test_any_changed_byte_of_an_export_is_found(exported):
    directory, export, key = exported
    whole = export.read_bytes()
    chosen = random.Random(5)
    for _ in range(40):
        at = chosen.randrange(len(whole))
        changed = bytearray(whole)
        changed[at] ^= 1 << chosen.randrange(8)
        export.write_bytes(changed)
        done = offline(directory, "--file", export, "--public-key", key)
        assert done.returncode == 1, f"byte {at}: {whole[at - 20 : at + 20]}"
        assert len(done.stderr.splitlines()) == 1 and b"panicked" not in done.stderr


def test_lines_that_were_moved_removed_or_repeated_are_found(exported):
    directory, export, key = exported
    lines = export.read_bytes().splitlines(keepends=True)
    records = [at for at, line in enumerate(lines) if b'"event_hash"' in line and b'"checkpoint"' not in line]
    second, third = records[1], records[2]
    swapped = lines.copy()
    swapped[second], swapped[third] = swapped[third], swapped[second]
    for changed in [
        lines[:second] + lines[third:],
        lines[:third] + [lines[second]] + lines[third:],
        swapped,
        lines[:-1],
        lines[:third],
        lines + [lines[second]],
        [],
    ]:
        export.write_bytes(b"".join(changed))
        assert offline(directory, "--file", export, "--public-key", key).returncode == 1


def doctored(export, keep, scope=None, **filters):
    """The export without some records, with a first and a last line that fit: neither is signed."""
    header, *lines, _ = export.read_text().splitlines()
    header = json.loads(header)
    header["export"]["scope"] = scope or header["export"]["scope"]
    header["export"]["filters"].update(filters)
    kept = [line for line in lines if '"checkpoint"' in line[:15] or keep(json.loads(line)["seq"])]
    records = sum('"checkpoint"' not in line[:15] for line in kept)
    body = "".join(f"{line}\n" for line in [json.dumps(header, separators=(",", ":")), *kept])
    digest = hashlib.sha256(body.encode()).hexdigest()
    end = {"end": {"records": records, "checkpoints": len(kept) - records, "sha256": digest}}
    export.write_text(body + json.dumps(end, separators=(",", ":")) + "\n")


def test_what_an_export_says_of_itself_is_shown_and_never_taken_in_silence(exported):
    directory, export, key = exported
    said = offline(directory, "--file", export, "--public-key", key).stdout.decode()
    assert "export   the whole record; written by" in said
    doctored(export, lambda seq: seq not in (at(3), at(4)), "picked", model="gpt-4o")
    arguments = ("--file", export, "--public-key", key)
    for flags in [(), ("--part",)]:
        done = offline(directory, *arguments, *flags)
        assert done.returncode == 1 and b"picked records (model=gpt-4o); --picked takes it" in done.stderr
    done = offline(directory, *arguments, "--picked", "--json")
    verdict = json.loads(done.stdout)
    assert done.returncode == 0 and verdict["sound"]
    assert (verdict["export"]["scope"], verdict["export"]["filters"]) == ("picked", {"model": "gpt-4o"})
    assert [it["source"] for it in verdict["trusted"]] == ["local"]
    refused = offline(directory, *arguments, "--json")
    assert refused.returncode == 1 and not json.loads(refused.stdout)["sound"]


@pytest.mark.parametrize("keep", [range(1, at(4)), range(at(4), at(CALLS) + 1), range(0)], ids=str)
def test_checkpoints_that_were_kept_find_what_was_cut_from_a_part(signed_gate, exported, keep):
    directory, export, key = exported
    since = ("--from", today(-1))
    signed_gate.cli("audit", "export", *since, "--out", str(export))
    arguments = ("--file", export, "--public-key", key, "--checkpoints", signed_gate.data_dir / "checkpoints.jsonl")
    done = offline(directory, *arguments)
    assert done.returncode == 1 and b"a part of the record (from=" in done.stderr and b"--part" in done.stderr
    done = offline(directory, *arguments, "--part")
    assert done.returncode == 0 and b"checkpoints from" in done.stdout, done.stderr
    first = json.loads((signed_gate.data_dir / "checkpoints.jsonl").read_text().splitlines()[0])["seq"]
    doctored(export, lambda seq: seq in keep)
    done = offline(directory, *arguments, "--part")
    # What stands before the first checkpoint may have been written before the time began.
    begin, end = (keep[0], keep[-1]) if keep else (first + 1, first)
    is_sound = begin <= first + 1 and end == at(CALLS)
    assert done.returncode == (0 if is_sound else 1), done.stdout


def test_the_guides_few_lines_find_what_the_program_finds(exported):
    _, export, _ = exported
    by_hand = [sys.executable, "-c", block("python", "import hashlib"), str(export)]
    done = subprocess.run(by_hand, capture_output=True, text=True, timeout=20)
    assert done.returncode == 0, done.stderr
    last = [json.loads(line) for line in export.read_text().splitlines()][-2]
    assert last["event_hash"] in done.stdout
    export.write_text(export.read_text().replace('"gpt-4o"', '"gpt-4x"', 1))
    assert subprocess.run(by_hand, capture_output=True, timeout=20).returncode != 0


@pytest.mark.skipif(not all(map(shutil.which, ["openssl", "jq", "xxd"])), reason="openssl, jq or xxd is missing")
def test_openssl_takes_a_checkpoints_signature(exported):
    directory, export, _ = exported
    export.rename(directory / "november.jsonl")
    by_hand = block("sh", "grep -m1")
    done = subprocess.run(["bash", "-ec", by_hand], cwd=directory, capture_output=True, text=True, timeout=20)
    assert done.returncode == 0 and "Verified Successfully" in done.stdout, done.stdout + done.stderr
    november = directory / "november.jsonl"
    november.write_text(november.read_text().replace('"seq":', '"seq":1', 1))
    done = subprocess.run(["bash", "-ec", by_hand], cwd=directory, capture_output=True, text=True, timeout=20)
    assert done.returncode != 0


# Receipts


def ask_proof(gate, decision, receipt=None, **headers):
    if receipt is not None:
        headers["x-portcullis-receipt"] = receipt
    return httpx.get(f"{gate.url}/api/v1/audit/receipts/{decision}", headers=headers, timeout=5)


def test_a_receipt_gives_the_proof_of_its_call_to_whoever_has_it(start_gate, tmp_path):
    gate = start_gate(AUDIT__CHECKPOINT_EVERY_SECS=2)
    agent = gate.create_agent()
    reply = gate.call(agent)
    decision, receipt = reply.headers["x-portcullis-decision"], reply.headers["x-portcullis-receipt"]
    assert re.fullmatch("[0-9a-f]{32}", receipt)
    for _ in range(3):
        gate.call(agent)
    records = gate.records(agent, 4)

    def signed():
        proof = ask_proof(gate, decision, receipt)
        assert proof.status_code == 200, proof.text
        return proof.json() if proof.json()["checkpoint"] else None

    proof = eventually(signed, within=20, what="a checkpoint")
    assert proof["record"] == records[0]
    assert len(proof["following"]) == proof["checkpoint"]["seq"] - records[0]["seq"]
    assert records[1]["id"] not in json.dumps(proof), "the calls of others are not shown"
    file, receipt_file, key = tmp_path / "proof.json", tmp_path / "receipt", gate.cli("audit", "key").stdout.strip()
    file.write_text(json.dumps(proof))
    receipt_file.write_text(receipt + "\n")
    arguments = ("--proof", file, "--public-key", key, "--receipt-file", receipt_file)
    done = offline(tmp_path, *arguments)
    assert done.returncode == 0 and decision.encode() in done.stdout, done.stderr
    receipt_file.write_text("0" * 32)
    assert offline(tmp_path, *arguments).returncode == 1
    receipt_file.write_text(receipt)
    for change in (
        lambda it: it["record"].update(model="gpt-4o-mini"),
        lambda it: it["checkpoint"].update(seq=it["checkpoint"]["seq"] + 1),
        lambda it: it.update(checkpoint=None),
        lambda it: it["following"].append("00" * 32),
    ):
        altered = json.loads(json.dumps(proof))
        change(altered)
        file.write_text(json.dumps(altered))
        assert offline(tmp_path, *arguments).returncode == 1


def test_a_call_that_is_not_signed_yet_says_so(start_gate):
    gate = start_gate(AUDIT__CHECKPOINT_EVERY_SECS=3600)
    agent = gate.create_agent()
    reply = gate.call(agent)
    gate.records(agent, 1)
    proof = ask_proof(gate, reply.headers["x-portcullis-decision"], reply.headers["x-portcullis-receipt"]).json()
    assert (proof["checkpoint"], proof["following"], proof["public_key"]) == (None, [], None)


def test_what_does_not_fit_is_404_and_tells_nothing(gate):
    agent = gate.create_agent()
    first, second = gate.call(agent), gate.call(agent, body=chat("o3-mini"))
    gate.records(agent, 2)
    decision, receipt = first.headers["x-portcullis-decision"], first.headers["x-portcullis-receipt"]
    assert ask_proof(gate, decision, receipt).status_code == 200
    other = second.headers["x-portcullis-receipt"]
    assert ask_proof(gate, second.headers["x-portcullis-decision"], other).status_code == 200, "refusals have receipts"
    admin = f"Bearer {gate.admin_token}"
    refused = [
        ask_proof(gate, decision, other),
        ask_proof(gate, str(uuid.uuid4()), receipt),
        ask_proof(gate, decision),
        ask_proof(gate, decision, Authorization=admin),
        ask_proof(gate, decision, ""),
        ask_proof(gate, decision, receipt.upper()),
        ask_proof(gate, decision, receipt[:-1]),
        ask_proof(gate, decision, "0" * 32),
        ask_proof(gate, "nonsense", receipt),
    ]
    assert {reply.status_code for reply in refused} == {404}
    assert len({reply.text for reply in refused}) == 1


def test_a_verification_is_started_over_http_and_asked_for(own_gate):
    gate = own_gate()
    agent = gate.create_agent()
    gate.call(agent)
    gate.records(agent, 1)
    with gate.admin() as admin:
        started = admin.post("/api/v1/audit/verify", json={})
        assert started.status_code == 202, started.text
        path = f"/api/v1/audit/verify/{started.json()['id']}"

        def done():
            run = admin.get(path).json()
            return run if run["state"] != "running" else None

        run = eventually(done, within=10, what="the verdict")
        assert run["state"] == "done" and run["error"] is None and run["finished_at"] >= run["started_at"]
        assert run["verdict"]["sound"] is True and run["verdict"]["records"] == run["records"] >= 1
        assert admin.get("/api/v1/audit/verify").json() == run
        assert admin.get("/api/v1/audit/verify/00000000-0000-7000-8000-000000000000").status_code == 404
        backwards = admin.post("/api/v1/audit/verify", json={"from": "2026-02-01", "to": "2026-01-01"})
        assert backwards.status_code == 400, backwards.text
