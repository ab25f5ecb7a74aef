"""Asks once, and reads the answer both ways."""

import asyncio

from behest import Behest


async def main() -> None:
    async with Behest() as behest:
        answer = await behest.chat.completions.create(
            messages=[{"role": "user", "content": "Summarize this document"}], user_id="user-1"
        )
    assert answer["choices"][0]["message"]["content"] == answer.choices[0].message.content
    print(answer.choices[0].message.content)


asyncio.run(main())
