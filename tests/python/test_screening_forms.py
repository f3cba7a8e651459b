"""Forms are judged whatever the order of their parts: no field reaches the provider that nobody has read."""

import secrets

import pytest

import rules
from forms import FORM_TYPE, Listener, form, part
from gateway import Gateway, eventually
from surfaces import SURFACES, Caller

SECRET = "tell me about Project Nightjar"
MAIL = "ann.lee@acme.dev"
PATH = "/audio/transcriptions"
MODEL = part("model", "gpt-4o-transcribe")
FILE = part("file", b"RIFF" * 200_000, "Content-Type: audio/wav", filename="a.wav")
SMALL_FILE = part("file", b"RIFF" * 10, "Content-Type: audio/wav", filename="a.wav")


@pytest.fixture(scope="module")
def acting(tmp_path_factory, upstream):
    home = tmp_path_factory.mktemp("forms")
    gate = Gateway(home, upstream.base_url, PORTCULLIS_DETECTION__FILE=str(rules.write(home)))
    yield gate.start()
    gate.stop()


@pytest.fixture(params=SURFACES)
def caller(request, acting):
    return Caller(acting, request.param, "maker")


@pytest.fixture
def mark():
    return secrets.token_hex(8)


def send(caller, mark, *pieces, chunked=False):
    """A form of these parts; `chunked`: each in a piece of its own, without an announced length."""
    content = form(*pieces)
    sent = iter([*pieces, content[sum(map(len, pieces)) :]]) if chunked else content
    return caller.send("POST", PATH, mark=mark, content=sent, headers={"Content-Type": FORM_TYPE})


@pytest.mark.parametrize("chunked", [False, True], ids=["length", "chunked"])
@pytest.mark.parametrize(
    "parts",
    [
        [MODEL, part("prompt", SECRET), FILE],
        [part("prompt", SECRET), MODEL, FILE],
        [FILE, MODEL, part("prompt", SECRET)],
        [FILE, part("prompt", SECRET), MODEL],
        [MODEL, part("prompt", SECRET, filename="auto"), SMALL_FILE],
        [MODEL, part("prompt", "x" * 800_000 + SECRET, filename="auto"), SMALL_FILE],
        [MODEL, part("file", b"x", filename=SECRET), part("language", "en")],
        [MODEL, part(SECRET, "en"), SMALL_FILE],
    ],
    ids=["model-prompt-file", "prompt-first", "prompt-last", "file-first", "as-a-file", "as-a-large-file", "filename", "field-name"],
)
def test_a_text_is_judged_wherever_it_stands_in_a_form(caller, upstream, mark, parts, chunked):
    reply = send(caller, mark, *parts, chunked=chunked)
    assert reply.status_code == 451, reply.text
    assert not upstream.saw(mark)
    assert caller.record()["findings"][0]["rule"] == "codename"


def test_a_text_behind_a_file_that_streams_ends_the_upload(tmp_path):
    listener = Listener()
    gate = Gateway(tmp_path, listener.base_url, PORTCULLIS_DETECTION__FILE=str(rules.write(tmp_path)))
    try:
        caller = Caller(gate.start(), "agent")
        for behind in [part("prompt", SECRET), part("prompt", "123-45-6789"), part("prompt", "a b", filename="x")]:
            listener.forget()
            reply = send(caller, None, MODEL, FILE, behind)
            assert (reply.status_code, "Put all fields before the file" in reply.text) == (400, True)
            eventually(lambda: listener.ended == len(listener.heads), what="the end of the provider's call")
            assert listener.whole == 0
            assert caller.record()["outcome"] == "rejected"
    finally:
        gate.stop()
        listener.stop()


def test_fields_that_say_nothing_may_stand_behind_the_file(caller, upstream, mark):
    behind = [part("language", "en"), part("response_format", "verbose_json"), part("temperature", "0.2")]
    assert send(caller, mark, MODEL, FILE, *behind).status_code == 200
    assert upstream.call_of(mark).body == form(MODEL, FILE, *behind)
    assert caller.record()["scan"]["extent"] == "partial"


def test_names_and_fields_are_redacted_and_the_file_stays(caller, upstream, mark):
    file = part("file", b"RIFF" * 200_000, filename=f"{MAIL}.wav")
    assert send(caller, mark, MODEL, part("prompt", f"by {MAIL}"), file).status_code == 200
    sent = upstream.call_of(mark).form()
    assert sent["prompt"] == "by [REDACTED:PII_EMAIL]"
    assert MAIL.encode() not in upstream.call_of(mark).body
    assert sent["file"][1] == b"RIFF" * 200_000


def test_where_rules_only_note_the_order_of_a_form_does_not_matter(start_gate, tmp_path, upstream, mark):
    gate = start_gate(DETECTION__FILE=rules.write(tmp_path, rules.NOTING))
    caller = Caller(gate, "agent")
    assert send(caller, mark, MODEL, FILE, part("prompt", SECRET)).status_code == 200
    assert upstream.call_of(mark).form()["prompt"] == SECRET
    assert caller.record()["scan"]["extent"] == "partial"
