"""Asks once, without asyncio."""

from behest import SyncBehest

with SyncBehest() as behest:
    answer = behest.chat.completions.create(
        messages=[{"role": "user", "content": "Summarize this document"}], user_id="user-1"
    )
print(answer.choices[0].message.content)
