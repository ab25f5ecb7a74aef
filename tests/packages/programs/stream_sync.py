"""Prints an answer as it comes, without asyncio."""

from behest import SyncBehest

with SyncBehest() as behest:
    for chunk in behest.chat.completions.create(
        messages=[{"role": "user", "content": "Summarize this document"}], user_id="user-1", stream=True
    ):
        if chunk.choices:
            print(chunk.choices[0].delta.content or "", end="", flush=True)
print()
