"""Prints an answer as it comes."""

import asyncio

from behest import Behest


async def main() -> None:
    async with Behest() as behest:
        stream = await behest.chat.completions.create(
            messages=[{"role": "user", "content": "Summarize this document"}], user_id="user-1", stream=True
        )
        async for chunk in stream:
            if chunk.choices:
                print(chunk.choices[0].delta.content or "", end="", flush=True)
    print()


asyncio.run(main())
