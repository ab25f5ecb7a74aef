"""The quickstart with the answer printed while it arrives."""

import os

from openai import OpenAI

user_id = "12345"
conversation_id = "abc"
user_message = "Summarize this document"

client = OpenAI(
    base_url=os.environ.get("BEHEST_BASE_URL", "http://localhost:8080/v1"),
    api_key=os.environ["BEHEST_KEY"],
    default_headers={
        "X-End-User-Id": user_id,
        # Uniquely identifies a conversation thread for per-session cost attribution.
        "X-Session-Id": f"user-{user_id}-conv-{conversation_id}",
    },
)

stream = client.chat.completions.create(
    model="gemini-2.5-flash",
    messages=[{"role": "user", "content": user_message}],
    stream=True,
)

for chunk in stream:
    if chunk.choices:
        print(chunk.choices[0].delta.content or "", end="", flush=True)
print()
