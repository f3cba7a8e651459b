//! Snippets for agents: a token for the client's secret, then the SDK with it.

use super::{Blanks, CLIENT_SECRET, lines};

/// A stand-in for the caller's own key, as the provider's pages write it.
const PROVIDER_KEY: &str = "sk-...";

/// What fetches the token. Of Python itself: which HTTP client an SDK brings along changes with its versions.
const PYTHON_IMPORTS: &str = "import json
from urllib.parse import urlencode
from urllib.request import urlopen
";

/// Python, Node.js, LangChain, curl.
pub(super) fn snippets(blanks: &Blanks<'_>) -> [String; 4] {
    [python(blanks), node(blanks), langchain(blanks), curl(blanks)]
}

/// Python for whoever has a token in the environment, as `OPENAI_API_KEY`.
pub fn python_of_environment(model: &str, provider_key: &str) -> String {
    format!(
        r#"from openai import OpenAI

client = OpenAI(default_headers={{"X-OpenAI-Key": "{provider_key}"}})
{}"#,
        python_call(model)
    )
}

/// The same with curl.
pub fn curl_of_environment(model: &str, provider_key: &str) -> String {
    curl_call("-N $OPENAI_BASE_URL", "$OPENAI_API_KEY", Some(provider_key), model, true)
}

fn python_token(blanks: &Blanks<'_>) -> String {
    let Blanks { gate, client_id, .. } = blanks;
    format!(
        r#"credentials = {{
    "client_id": "{client_id}",
    "client_secret": "{CLIENT_SECRET}",
    "grant_type": "client_credentials",
}}
with urlopen("{gate}/api/v1/auth/token", urlencode(credentials).encode()) as reply:
    token = json.load(reply)["access_token"]
"#
    )
}

fn python_call(model: &str) -> String {
    format!(
        r#"
response = client.chat.completions.create(
    model="{model}",
    messages=[{{"role": "user", "content": "Hello!"}}],
)
print(response.choices[0].message.content)"#
    )
}

/// What the provider is to be asked with, where the gate does not know.
fn python_provider_key(blanks: &Blanks<'_>) -> Option<String> {
    let line = format!("OPENAI_API_KEY = \"{PROVIDER_KEY}\"  # your real OpenAI key\n");
    blanks.with_provider_key.then_some(line)
}

fn python(blanks: &Blanks<'_>) -> String {
    let header = "    default_headers={\n        \"X-OpenAI-Key\": OPENAI_API_KEY,  # forwarded to OpenAI, never logged\n    },";
    lines([
        Some(format!("# pip install openai\n{PYTHON_IMPORTS}\nfrom openai import OpenAI\n")),
        python_provider_key(blanks),
        Some(python_token(blanks)),
        Some("client = OpenAI(".to_owned()),
        Some(format!("    base_url=\"{}/api/v1/openai/v1\",", blanks.gate)),
        Some("    api_key=token,  # the gate takes this as the agent's token".to_owned()),
        blanks.with_provider_key.then(|| header.to_owned()),
        Some(")".to_owned()),
        Some(python_call(blanks.model)),
    ])
}

fn langchain(blanks: &Blanks<'_>) -> String {
    let header = "    default_headers={\"X-OpenAI-Key\": OPENAI_API_KEY},";
    lines([
        Some(format!(
            "# pip install langchain-openai\n{PYTHON_IMPORTS}\nfrom langchain_openai import ChatOpenAI\n"
        )),
        python_provider_key(blanks),
        Some(python_token(blanks)),
        Some("llm = ChatOpenAI(".to_owned()),
        Some(format!("    base_url=\"{}/api/v1/openai/v1\",", blanks.gate)),
        Some("    api_key=token,".to_owned()),
        blanks.with_provider_key.then(|| header.to_owned()),
        Some(format!("    model=\"{}\",\n)", blanks.model)),
        Some("print(llm.invoke(\"Hello!\").content)".to_owned()),
    ])
}

fn node(blanks: &Blanks<'_>) -> String {
    let Blanks { gate, client_id, model, .. } = blanks;
    let key = format!("const OPENAI_API_KEY = '{PROVIDER_KEY}'; // your real OpenAI key\n");
    let header = "  defaultHeaders: { 'X-OpenAI-Key': OPENAI_API_KEY }, // forwarded to OpenAI, never logged";
    lines([
        Some("// npm install openai\nimport OpenAI from 'openai';\n".to_owned()),
        blanks.with_provider_key.then_some(key),
        Some(format!(
            r#"const reply = await fetch('{gate}/api/v1/auth/token', {{
  method: 'POST',
  headers: {{ 'Content-Type': 'application/json' }},
  body: JSON.stringify({{
    client_id: '{client_id}',
    client_secret: '{CLIENT_SECRET}',
    grant_type: 'client_credentials',
  }}),
}});
const {{ access_token: token }} = await reply.json();

const client = new OpenAI({{
  baseURL: '{gate}/api/v1/openai/v1',
  apiKey: token, // the gate takes this as the agent's token"#
        )),
        blanks.with_provider_key.then(|| header.to_owned()),
        Some(format!(
            r#"}});

const response = await client.chat.completions.create({{
  model: '{model}',
  messages: [{{ role: 'user', content: 'Hello!' }}],
}});
console.log(response.choices[0].message.content);"#
        )),
    ])
}

fn curl(blanks: &Blanks<'_>) -> String {
    let Blanks { gate, client_id, model, .. } = blanks;
    let key = blanks.with_provider_key.then_some("$OPENAI_API_KEY");
    lines([
        // Without a comment: zsh takes the # of a pasted line for a word.
        key.map(|_| format!("OPENAI_API_KEY={PROVIDER_KEY}")),
        Some(format!(
            r#"TOKEN=$(curl -s -X POST {gate}/api/v1/auth/token \
  -H "Content-Type: application/json" \
  -d '{{"client_id": "{client_id}", "client_secret": "{CLIENT_SECRET}", "grant_type": "client_credentials"}}' \
  | jq -r .access_token)
"#
        )),
        Some(curl_call(&format!("{gate}/api/v1/openai/v1"), "$TOKEN", key, model, false)),
    ])
}

fn curl_call(
    base: &str,
    token: &str,
    provider_key: Option<&str>,
    model: &str,
    is_streamed: bool,
) -> String {
    let stream = is_streamed.then(|| "    \"stream\": true,".to_owned());
    lines([
        Some(format!("curl {base}/chat/completions \\")),
        Some("  -H \"Content-Type: application/json\" \\".to_owned()),
        Some(format!("  -H \"Authorization: Bearer {token}\" \\")),
        provider_key.map(|key| format!("  -H \"X-OpenAI-Key: {key}\" \\")),
        Some(format!("  -d '{{\n    \"model\": \"{model}\",")),
        stream,
        Some("    \"messages\": [{\"role\": \"user\", \"content\": \"Hello!\"}]\n  }'".to_owned()),
    ])
}
