//! Snippets for detection keys: the SDK as it is, with one header more.

use super::{Blanks, DETECTION_KEY};

/// Python, Node.js, LangChain, curl.
pub(super) fn snippets(Blanks { gate, model, .. }: &Blanks<'_>) -> [String; 4] {
    let python = format!(
        r#"# pip install openai
from openai import OpenAI

client = OpenAI(
    api_key="sk-your-openai-key",
    base_url="{gate}/v1",
    default_headers={{
        "X-Detection-Key": "{DETECTION_KEY}"
    }}
)

response = client.chat.completions.create(
    model="{model}",
    messages=[{{"role": "user", "content": "Hello"}}],
)
print(response.choices[0].message.content)"#
    );
    let node = format!(
        r#"// npm install openai
import OpenAI from 'openai';

const client = new OpenAI({{
  apiKey: 'sk-your-openai-key',
  baseURL: '{gate}/v1',
  defaultHeaders: {{
    'X-Detection-Key': '{DETECTION_KEY}'
  }}
}});

const response = await client.chat.completions.create({{
  model: '{model}',
  messages: [{{ role: 'user', content: 'Hello' }}],
}});
console.log(response.choices[0].message.content);"#
    );
    let langchain = format!(
        r#"# pip install langchain-openai
from langchain_openai import ChatOpenAI

llm = ChatOpenAI(
    api_key="sk-your-openai-key",
    base_url="{gate}/v1",
    default_headers={{"X-Detection-Key": "{DETECTION_KEY}"}},
    model="{model}",
)
print(llm.invoke("Hello").content)"#
    );
    let curl = format!(
        r#"curl {gate}/v1/chat/completions \
  -H "Content-Type: application/json" \
  -H "Authorization: Bearer sk-your-openai-key" \
  -H "X-Detection-Key: {DETECTION_KEY}" \
  -d '{{
    "model": "{model}",
    "messages": [{{"role": "user", "content": "Hello"}}]
  }}'"#
    );
    [python, node, langchain, curl]
}
