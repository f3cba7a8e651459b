"""The reference page's snippets, word for word but for host and keys."""

import os
import subprocess
import sys

import answers
import pytest

from gateway import PROVIDER_KEY

PYTHON = """\
from openai import OpenAI

BEHAVRY_JWT = "eyJhbGci..." # from Step 2
OPENAI_API_KEY = "sk-..." # your real OpenAI key

client = OpenAI(
base_url="http://localhost:8000/api/v1/openai/v1",
api_key=BEHAVRY_JWT, # Behavry validates this as the agent JWT
default_headers={
"X-OpenAI-Key": OPENAI_API_KEY, # forwarded to OpenAI, never logged
},
)

response = client.chat.completions.create(
model="gpt-4o",
messages=[{"role": "user", "content": "Hello!"}],
)
print(response.choices[0].message.content)
"""

ENVIRONMENT = """\
import os
from openai import OpenAI

client = OpenAI(
base_url=os.environ["OPENAI_BASE_URL"],
api_key=os.environ["OPENAI_API_KEY"],
default_headers={"X-OpenAI-Key": os.environ["OPENAI_REAL_KEY"]},
)
"""

LANGCHAIN = """\
from langchain_openai import ChatOpenAI

llm = ChatOpenAI(
openai_api_base="http://localhost:8000/api/v1/openai/v1",
openai_api_key=BEHAVRY_JWT,
model_kwargs={"extra_headers": {"X-OpenAI-Key": OPENAI_API_KEY}},
model="gpt-4o",
)
"""

ASK = """
response = client.chat.completions.create(model="gpt-4o", messages=[{"role": "user", "content": "Hello!"}])
print(response.choices[0].message.content)
"""


@pytest.fixture
def run_snippet(gate, agent_of):
    """Runs a snippet in a Python of its own; returns what it printed."""
    token = agent_of(gate).token

    def run(code, **env):
        code = code.replace("http://localhost:8000", gate.url)
        code = code.replace("eyJhbGci...", token).replace("sk-...", PROVIDER_KEY)
        done = subprocess.run(
            [sys.executable, "-c", code],
            env={"PATH": os.environ["PATH"], "PYTHONIOENCODING": "utf-8", "LANGSMITH_TRACING": "false", **env},
            capture_output=True,
            text=True,
            timeout=50,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    run.token = token
    return run


def test_the_python_snippet_prints_the_answer(run_snippet):
    assert run_snippet(PYTHON) == answers.text_of({})


def test_the_environment_snippet_prints_the_answer(gate, run_snippet):
    environment = {
        "OPENAI_BASE_URL": f"{gate.url}/api/v1/openai/v1",
        "OPENAI_API_KEY": run_snippet.token,
        "OPENAI_REAL_KEY": PROVIDER_KEY,
    }
    assert run_snippet(ENVIRONMENT + ASK, **environment) == answers.text_of({})


def test_the_base_url_without_v1_works_as_in_the_pages_diagram(gate, run_snippet):
    environment = {
        "OPENAI_BASE_URL": f"{gate.url}/api/v1/openai",
        "OPENAI_API_KEY": run_snippet.token,
        "OPENAI_REAL_KEY": PROVIDER_KEY,
    }
    assert run_snippet(ENVIRONMENT + ASK, **environment) == answers.text_of({})


def test_the_langchain_snippet_answers_whole_and_streamed(run_snippet):
    keys = 'BEHAVRY_JWT = "eyJhbGci..."\nOPENAI_API_KEY = "sk-..."\n'
    ask = 'print(llm.invoke("Hello!").content)\nprint("".join(part.content for part in llm.stream("Hello!")))'
    assert run_snippet(keys + LANGCHAIN + ask).splitlines() == [answers.text_of({})] * 2


def test_the_event_says_what_step_4_of_the_page_lists(gate):
    agent = gate.create_agent()
    assert gate.call(agent).status_code == 200
    record = gate.record(agent)
    assert record["tool_name"] == "openai-api"
    assert record["mcp_server"] == "openai-proxy"
    assert record["action"] == "POST"
    assert record["target"] == "/openai/v1/chat/completions"
    assert record["policy_result"] == "allow"
