"""Makes a token for one user, and asks with it."""

import asyncio

from behest import Behest, decode_token


async def main() -> None:
    async with Behest() as behest:
        minted = await behest.auth.mint(user_id="user-1")
        answer = await behest.chat.completions.create(
            messages=[{"role": "user", "content": "Summarize this document"}], token=minted.token
        )
    print(decode_token(minted.token)["uid"])
    print(answer.choices[0].message.content)


asyncio.run(main())
