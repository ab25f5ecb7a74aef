"""What the READMEs and quickstarts of the published SDK show, in our own words: each program runs."""

import asyncio
import json
import pathlib
import re
from typing import Annotated, Any

import pytest
from fastapi import Depends, FastAPI, Header, HTTPException
from fastapi.testclient import TestClient

import programs
import signing_keys
from behest import (
    Behest,
    BehestAuthError,
    BehestConfigError,
    BehestError,
    BehestQuotaError,
    BehestRateLimitError,
    SyncBehest,
    decode_token,
    generate_session_id,
)
from gateway import Gateway
from scripted import HELLO


@pytest.fixture(scope="module")
def key(gateway: Gateway) -> signing_keys.SigningKey:
    return signing_keys.create(gateway)


@pytest.fixture
def environment(gateway: Gateway, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the quickstarts have their reader set."""
    monkeypatch.setenv("BEHEST_KEY", gateway.api_key)
    monkeypatch.setenv("BEHEST_BASE_URL", gateway.base_url)


@pytest.fixture
def signing(gateway: Gateway, key: signing_keys.SigningKey, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same for local signing; the key itself comes with each test."""
    monkeypatch.setenv("BEHEST_BASE_URL", gateway.base_url)
    monkeypatch.setenv("BEHEST_KID", key.kid)
    monkeypatch.setenv("BEHEST_TENANT_ID", gateway.tenant_id)
    monkeypatch.setenv("BEHEST_PROJECT_ID", gateway.project_id)


@pytest.mark.usefixtures("environment")
def test_minting_a_token() -> None:
    async def main() -> None:
        behest = Behest()
        session = generate_session_id()
        minted = await behest.auth.mint(user_id="ada", session_id=session, tier=2, ttl=900)
        assert (minted.session_id, minted.ttl) == (session, 900)
        claims = decode_token(minted.token)
        assert (claims["uid"], claims["sid"], claims["tier"], claims["role"]) == ("ada", session, 2, "user")

    asyncio.run(main())


@pytest.mark.usefixtures("environment")
def test_chatting_with_a_token_of_ones_own() -> None:
    async def main() -> None:
        async with Behest() as behest:
            minted = await behest.auth.mint(user_id="ada")
            answer = await behest.chat.completions.create(
                model="default", messages=HELLO, token=minted.token, session_id=minted.session_id, max_tokens=256
            )
            assert answer["choices"][0]["message"]["content"] == "You said: Hello"

    asyncio.run(main())


@pytest.mark.usefixtures("environment")
def test_streaming() -> None:
    async def main() -> str:
        text = ""
        async with Behest() as behest:
            stream = await behest.chat.completions.create(messages=HELLO, user_id="ada", stream=True)
            async for chunk in stream:
                text += chunk["choices"][0]["delta"].get("content", "")
        return text

    assert asyncio.run(main()) == "You said: Hello"


@pytest.mark.usefixtures("environment")
def test_threads_and_usage() -> None:
    async def main() -> None:
        async with Behest() as behest:
            await behest.chat.completions.create(messages=HELLO, user_id="grace", thread_id="trip")
            (thread,) = await behest.threads.list(user_id="grace")
            assert thread["id"] == "trip"
            said = await behest.threads.messages("trip", user_id="grace")
            assert [message["content"] for message in said] == ["Hello", "You said: Hello"]
            report = await behest.usage.get(from_="2020-01-01", to="2100-01-01", user_id="grace", granularity="day")
            assert report["totals"]["requests"] == 1
            await behest.threads.delete("trip", user_id="grace")
            assert await behest.threads.list(user_id="grace") == []

    asyncio.run(main())


@pytest.mark.usefixtures("environment")
def test_the_same_programs_with_one_name_changed() -> None:
    """The published package's methods were not awaited: its programs take `SyncBehest`."""
    behest = SyncBehest()
    minted = behest.auth.mint(user_id="sync")
    answer = behest.chat.completions.create(messages=HELLO, token=minted.token, session_id=minted.session_id)
    assert answer["choices"][0]["message"]["content"] == "You said: Hello"
    text = ""
    for chunk in behest.chat.completions.create(messages=HELLO, user_id="sync", thread_id="t", stream=True):
        text += chunk["choices"][0]["delta"].get("content", "")
    assert text == "You said: Hello"
    assert [thread["id"] for thread in behest.threads.list(user_id="sync")] == ["t"]
    assert behest.usage.get(user_id="sync")["totals"]["requests"] == 2


@pytest.mark.usefixtures("environment")
def test_telling_errors_apart(gateway: Gateway) -> None:
    async def main(key: str) -> str:
        try:
            async with Behest(key=key) as behest:
                await behest.chat.completions.create(messages=HELLO, user_id="ada")
        except BehestConfigError as error:
            return f"configuration: {error.code}"
        except BehestAuthError as error:
            return f"authentication: {error.code} {len(error.trace_id or '')}"
        except (BehestQuotaError, BehestRateLimitError) as error:
            return f"limit: {error.retry_after}"
        except BehestError as error:
            return f"other: {error.status}"
        return "none"

    assert asyncio.run(main("nonsense")) == "configuration: bad_key_format"
    assert asyncio.run(main(f"behest_sk_live_{'0' * 32}")) == "authentication: invalid_token 32"
    assert asyncio.run(main(gateway.api_key)) == "none"


FORMS = signing_keys.SigningKey("-----BEGIN PRIVATE KEY-----\n\n-----END PRIVATE KEY-----", "").forms


@pytest.mark.usefixtures("signing")
@pytest.mark.parametrize("form", FORMS)
def test_signing_with_a_key_of_each_form(
    form: str, key: signing_keys.SigningKey, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BEHEST_KEY", key.forms[form])
    client = SyncBehest()
    assert client.mode == "sign"
    minted = client.auth.mint(user_id="ada", tier="pro")
    claims = decode_token(minted.token)
    assert list(claims) == ["tid", "pid", "uid", "role", "scp", "iss", "aud", "iat", "nbf", "exp", "jti", "sid", "tier"]
    assert client.chat.completions.create(messages=HELLO, user_id="ada").choices[0].message.content
    assert client.chat.completions.create(messages=HELLO, token=minted.token).choices[0].message.content
    assert "PRIVATE" not in repr(client) + json.dumps(client.config)


@pytest.mark.usefixtures("signing")
def test_signing_needs_to_know_for_whom(key: signing_keys.SigningKey, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("BEHEST_KID")
    with pytest.raises(BehestConfigError, match="needs BEHEST_KID too"):
        SyncBehest(key=key.pem)


@pytest.mark.usefixtures("environment")
def test_a_token_route_of_fastapi() -> None:
    """The user comes from a session that the server verified, never from the request."""
    app = FastAPI()
    behest = Behest()
    sessions = {"cookie-of-ada": {"user_id": "ada", "tier": 2}}

    def signed_in(x_session: Annotated[str | None, Header()] = None) -> dict[str, Any]:
        if x_session not in sessions:
            raise HTTPException(401, "sign in first")
        return sessions[x_session]

    SignedIn = Annotated[dict[str, Any], Depends(signed_in)]

    @app.post("/api/behest/token")
    async def token(session: SignedIn) -> dict[str, Any]:
        minted = await behest.auth.mint(user_id=session["user_id"], tier=session["tier"], ttl=900)
        return {
            "token": minted.token,
            "ttl": minted.ttl,
            "sessionId": minted.session_id,
            "expiresAt": minted.expires_at,
        }

    @app.post("/api/chat")
    async def chat(session: SignedIn) -> Any:
        # An answer is a dict, so it can be returned as it is.
        return await behest.chat.completions.create(messages=HELLO, user_id=session["user_id"])

    with TestClient(app) as browser:
        assert browser.post("/api/behest/token", json={"user_id": "eve"}).status_code == 401
        answer = browser.post("/api/behest/token", json={"user_id": "eve"}, headers={"X-Session": "cookie-of-ada"})
        assert answer.status_code == 200
        assert answer.json().keys() == {"token", "ttl", "sessionId", "expiresAt"}
        assert decode_token(answer.json()["token"])["uid"] == "ada"
        said = browser.post("/api/chat", headers={"X-Session": "cookie-of-ada"}).json()
        assert said["choices"][0]["message"]["content"] == "You said: Hello"


README = (pathlib.Path(__file__).parents[1] / "README.md").read_text()


@pytest.mark.parametrize("program", re.findall(r"^```python\n(.*?)^```$", README, re.MULTILINE | re.DOTALL))
def test_the_programs_of_the_readme_run(program: str, gateway: Gateway) -> None:
    environment = {"BEHEST_KEY": gateway.api_key, "BEHEST_BASE_URL": gateway.base_url}
    assert programs.run(program, environment).startswith("You said: ")
