"""The file of the rules of detection: how it takes effect, what is wrong with a bad one, and trying it."""

import json
import re

import httpx
import pytest

from gateway import PROMPTLY, ROOT, eventually


def rule(name="nightjar", pattern="project nightjar", kind="CUSTOM", **more):
    """One rule, as an administrator writes it."""
    lines = [
        "[[rule]]",
        f'id = "{name}"',
        f'type = "{kind}"',
        'severity = "HIGH"',
        f"pattern = '''{pattern}'''",
        *(f"{key} = {json.dumps(value)}" for key, value in more.items()),
        f"matches = ['''this is {pattern} again''']",
        "clean = ['''nothing to see''']",
    ]
    return "\n".join(lines) + "\n"


def override(action, *rules, **where):
    """A change of what rules do."""
    lines = ["[[override]]", f"rules = {json.dumps(rules)}", f'action = "{action}"']
    return "\n".join([*lines, *(f"{key} = {json.dumps(value)}" for key, value in where.items())]) + "\n"


RULES = rule() + rule("owl", "owl-[0-9]{4}", "SECRET_OWL", **{"class": "CREDENTIALS"}).replace(
    "this is owl-[0-9]{4}", "this is owl-1234"
)


@pytest.fixture
def in_force(start_gate):
    """A server with rules of its own, and what it says of them."""
    gate = start_gate(detections=RULES)

    def shown():
        with gate.admin() as admin:
            return admin.get("/api/v1/detections").json()

    gate.shown = shown
    return gate


def says(gate, *arguments, stdin="", check=True):
    """What `portcullis detections … --json` prints."""
    return json.loads(gate.cli("detections", *arguments, "--json", stdin=stdin, check=check).stdout)


# In force


def test_the_rules_in_force_are_shown_to_administrators_only(in_force):
    assert httpx.get(f"{in_force.url}/api/v1/detections").status_code == 401
    shown = in_force.shown()
    assert (shown["text"], shown["template"], shown["rules"]) == (RULES, "default", 2)
    assert shown["file"].endswith("detections.toml") and shown["error"] is None
    assert re.fullmatch("[0-9a-f]{12}", shown["version"]) and shown["loaded_at"]


def test_a_save_is_in_force_within_a_second(in_force):
    before = in_force.shown()
    in_force.detections_file.write_text('template = "education"\n' + RULES + rule("wren", "wren"))
    eventually(lambda: in_force.shown()["version"] != before["version"], within=PROMPTLY, what="the new rules")
    shown = in_force.shown()
    assert (shown["template"], shown["rules"], shown["error"]) == ("education", 3, None)
    assert "detections reloaded" in in_force.log


def test_a_file_replaced_by_rename_as_editors_do_is_noticed_too(in_force):
    new = in_force.home / "detections.toml.new"
    new.write_text(rule())
    new.rename(in_force.detections_file)
    eventually(lambda: in_force.shown()["rules"] == 1, within=PROMPTLY, what="the new rules")


def test_a_bad_save_keeps_the_last_good_rules_and_says_all_that_is_wrong(in_force):
    before = in_force.shown()
    bad = RULES + rule("wren", "wren").replace("severity", "severty") + override("deny", "nightjar")
    in_force.detections_file.write_text(bad)
    fault = eventually(lambda: in_force.shown()["error"], within=PROMPTLY, what="the error")
    assert fault["text"] == bad and fault["at"]
    line = RULES.count("\n") + 1
    told = [(error["line"], error["reason"]) for error in fault["errors"]]
    assert told == [
        (line, "[[rule]] has no 'severity'"),
        (line + 3, "unknown key 'severty'"),
        (line + 9, "'deny' is no 'action'"),
    ]
    assert fault["errors"][1]["remedy"] == "did you mean 'severity'?"
    after = in_force.shown()
    assert (after["version"], after["text"]) == (before["version"], RULES)
    assert re.search(rf"detections\.toml:{line}:1", in_force.log), in_force.log
    in_force.detections_file.write_text(RULES)
    eventually(lambda: in_force.shown()["error"] is None, within=PROMPTLY, what="the end of the error")


def test_rules_that_fail_their_own_examples_are_never_in_force(in_force):
    in_force.detections_file.write_text(RULES.replace("nothing to see", "see project nightjar"))
    fault = eventually(lambda: in_force.shown()["error"], within=PROMPTLY, what="the error")
    assert "text 1 of its 'clean'" in fault["errors"][0]["reason"]


def test_a_deleted_or_empty_file_keeps_the_last_good_rules(in_force):
    before, error = in_force.shown()["version"], None
    for change in [lambda: in_force.detections_file.write_text(""), in_force.detections_file.unlink]:
        change()
        shown = eventually(lambda: changed_error(in_force, error), within=PROMPTLY, what="the error")
        error = shown["error"]
        assert shown["version"] == before


def changed_error(gate, known):
    """What is shown once it shows another error than the known one."""
    shown = gate.shown()
    return shown if shown["error"] and shown["error"] != known else None


def test_the_policy_and_the_rules_are_followed_each_for_itself(in_force):
    agent = in_force.create_agent()
    in_force.detections_file.write_text("nonsense")
    eventually(lambda: in_force.shown()["error"], within=PROMPTLY, what="the error")
    in_force.policy_file.write_text("p, nobody, gpt-4o, allow\np2, nobody, web:write, allow\n")
    eventually(lambda: in_force.call(agent).status_code == 403, within=PROMPTLY, what="the new policy")
    assert in_force.shown()["error"]


# The start


def fails_to_start(gate, *words):
    done = gate.cli("serve", check=False)
    assert done.returncode == 1
    assert len(done.stderr.strip().splitlines()) == 1, done.stderr
    for word in words:
        assert word in done.stderr, done.stderr


def test_a_start_with_bad_rules_is_refused_with_place_and_remedy(start_gate):
    gate = start_gate(started=False, detections=rule().replace("pattern", "patern"))
    place = f"{gate.detections_file}:1:1: [[rule]] says nothing to look for; "
    fails_to_start(gate, place, "(1 more: see 'portcullis detections check')")


def test_a_start_without_rules_says_where_they_are_looked_for(start_gate):
    gate = start_gate(started=False, DETECTION__FILE="/nowhere/detections.toml")
    fails_to_start(gate, "/nowhere/detections.toml: cannot be read: No such file", "detection.file")


def test_the_correlation_key_is_made_once_and_private(start_gate):
    gate = start_gate()
    path = gate.data_dir / "correlation.key"
    made = path.read_bytes()
    assert (len(made), path.stat().st_mode & 0o777) == (32, 0o600)
    gate.stop()
    gate.start()
    assert path.read_bytes() == made


def test_a_shared_correlation_key_is_read_and_a_bad_one_refused(start_gate, tmp_path):
    shared = tmp_path / "shared.key"
    shared.write_bytes(b"short")
    gate = start_gate(started=False, DETECTION__CORRELATION_KEY_FILE=str(shared))
    fails_to_start(gate, "shared.key: holds 5 bytes, and a key has 32")
    shared.write_bytes(bytes(range(32)))
    gate.start()
    assert not (gate.data_dir / "correlation.key").exists()


# The command line


@pytest.fixture
def desk(start_gate, tmp_path):
    """A configuration to run commands with; nothing is served."""
    return start_gate(started=False, detections=RULES)


def test_every_command_shows_an_example(desk):
    for command in ["check", "list", "try", "templates"]:
        assert "Example" in desk.cli("detections", command, "--help").stdout, command


def test_check_says_how_much_is_good(desk, tmp_path):
    told = desk.cli("detections", "check").stdout
    assert told == f"{desk.detections_file}: 2 rules, 4 examples: all good\n"
    other = tmp_path / "other.toml"
    other.write_text(rule())
    found = says(desk, "check", str(other))
    assert found == {"file": str(other), "valid": True, "rules": 1, "examples": 2, "errors": []}


def test_check_tells_every_problem_with_its_place(desk, tmp_path):
    bad = tmp_path / "bad.toml"
    bad.write_text(rule().replace("HIGH", "HIHG") + override("redact", "nihgtjar", rolls=["x"]))
    done = desk.cli("detections", "check", str(bad), check=False)
    assert done.returncode == 1
    assert done.stdout.splitlines() == [
        f"{bad}:4:12: 'HIHG' is no 'severity'; did you mean 'HIGH'?",
        f"{bad}:11:1: unknown key 'rolls'; did you mean 'roles'?",
    ]
    assert done.stderr == f"portcullis: {bad}: 2 problems\n"
    found = says(desk, "check", str(bad), check=False)
    assert not found["valid"]
    assert [error["line"] for error in found["errors"]] == [4, 11]


def test_check_runs_the_examples(desk, tmp_path):
    bad = tmp_path / "bad.toml"
    bad.write_text(rule(boundary="word").replace("this is project nightjar", "this is project nightjars"))
    done = desk.cli("detections", "check", str(bad), check=False)
    assert done.returncode == 1
    assert done.stdout.startswith(f"{bad}:1: 'nightjar' does not find text 1 of its 'matches'; ")


def test_the_shipped_rules_are_good_under_every_template(desk, tmp_path):
    shipped = (ROOT / "detections.toml").read_text()
    assert shipped.count('\ntemplate = "default"\n') == 1
    for template in [found["name"] for found in says(desk, "templates")["templates"]]:
        path = tmp_path / f"{template}.toml"
        path.write_text(shipped.replace('\ntemplate = "default"\n', f'\ntemplate = "{template}"\n'))
        assert says(desk, "check", str(path))["valid"]


def test_the_list_says_what_each_rule_does_for_whom(desk):
    text = RULES + override("redact", "type:SECRET_*") + override("block", "owl", roles=["developer"], lifecycle=["EGRESS"])
    desk.detections_file.write_text(text)
    everyone = {found["id"]: found["actions"] for found in says(desk, "list")["rules"]}
    assert everyone == {
        "nightjar": {"INGRESS": "log", "EGRESS": "log"},
        "owl": {"INGRESS": "redact", "EGRESS": "redact"},
    }
    [owl] = says(desk, "list", "--type", "SECRET_*", "--role", "developer", "--lifecycle", "egress")["rules"]
    assert (owl["id"], owl["class"], owl["line"], owl["actions"]) == ("owl", "CREDENTIALS", 8, {"EGRESS": "block"})
    lines = desk.cli("detections", "list").stdout.splitlines()
    assert [line.split() for line in lines] == [
        ["ID", "TYPE", "SEVERITY", "INGRESS", "EGRESS"],
        ["nightjar", "CUSTOM", "HIGH", "log", "log"],
        ["owl", "SECRET_OWL", "HIGH", "redact", "redact"],
    ]


def test_a_text_can_be_tried(desk):
    desk.detections_file.write_text(RULES + override("redact", "owl"))
    text = "é project nightjar: owl-1234 and owl-9999\n"
    tried = says(desk, "try", stdin=text)
    places = [(found["rule"], found["action"], found["start"], found["end"]) for found in tried["findings"]]
    assert places == [("nightjar", "log", 2, 18), ("owl", "redact", 20, 28), ("owl", "redact", 33, 41)]
    assert tried["verdict"] == "redact"
    assert tried["redacted"] == "é project nightjar: [REDACTED:SECRET_OWL] and [REDACTED:SECRET_OWL]\n"
    told = desk.cli("detections", "test", stdin=text).stdout
    assert told.splitlines()[0].split() == ["nightjar", "CUSTOM", "HIGH", "log", "2..18"]
    assert told.endswith("\n\né project nightjar: [REDACTED:SECRET_OWL] and [REDACTED:SECRET_OWL]\n")
    assert desk.cli("detections", "test", stdin="nothing here").stdout == "nothing was found\n\nnothing here\n"


def test_a_text_is_tried_as_a_part_of_a_call_and_for_a_caller(desk):
    desk.detections_file.write_text(
        rule(surfaces=["tool_arguments"], lifecycle=["EGRESS"], app_contexts=["ac_1"])
        + override("block", "nightjar", roles=["developer"])
    )
    desk.start()  # which makes the database, where AppContexts are
    text = "project nightjar"
    as_called = ["--surface", "tool_arguments", "--lifecycle", "EGRESS", "--app-context", "ac_1"]
    [found] = says(desk, "test", *as_called, stdin=text)["findings"]
    assert found["action"] == "log"
    blocked = says(desk, "test", *as_called, "--role", "developer", stdin=text)
    assert (blocked["verdict"], blocked["redacted"], blocked["findings"][0]["action"]) == ("block", None, "block")
    for without in [0, 2, 4]:
        arguments = as_called[:without] + as_called[without + 2 :]
        assert says(desk, "test", *arguments, stdin=text)["findings"] == [], arguments


def test_templates_are_listed_and_printed(desk):
    listed = says(desk, "templates")["templates"]
    assert [found["name"] for found in listed] == ["default", "healthcare", "financial", "government", "education"]
    assert "HIPAA" in listed[1]["summary"]
    printed = desk.cli("detections", "templates", "healthcare").stdout
    assert printed.count("[[override]]") > 2 and "164.514" in printed
    assert says(desk, "templates", "healthcare")["text"].strip() == printed.strip()
    refused = desk.cli("detections", "templates", "sports", check=False)
    assert refused.returncode == 1 and "healthcare" in refused.stderr


def test_wrong_words_are_wrong_usage(desk):
    for arguments in [["list", "--lifecycle", "out"], ["test", "--surface", "chat"], ["list", "--type", "(a"]]:
        done = desk.cli("detections", *arguments, check=False)
        assert done.returncode == 2 and done.stderr, arguments
