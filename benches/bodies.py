"""The requests that every bench sends."""

MESSAGES = [
    {"role": "system", "content": "You are the support assistant of a small shop. Answer in one short paragraph."},
    {
        "role": "user",
        "content": "My parcel was due on Tuesday and has not come. The tracking page has said that it is "
        "on its way for three days. I need it before Saturday, since it is a birthday present. "
        "What can you do for me, and what happens if it is lost? " * 2,
    },
]
PLAIN = {"model": "gpt-4o-mini", "messages": MESSAGES, "temperature": 0.2, "max_tokens": 256}
TRANSLATED_MODEL = "claude-haiku-4-5"
STREAM = PLAIN | {"stream": True, "stream_options": {"include_usage": True}}


def translated(body):
    """The same request to a model whose provider speaks another dialect."""
    return body | {"model": f"anthropic/{TRANSLATED_MODEL}"}


def prompt_of(tokens):
    """A question with a text of about that many tokens before it: a word and its space are mostly one."""
    words = MESSAGES[1]["content"].split()
    text = " ".join((words * (tokens // len(words) + 1))[: max(tokens - 20, 0)])
    return PLAIN | {"messages": [{"role": "user", "content": text + " Answer in one short paragraph."}]}
