"""How a client is made: options, environment, deprecated names."""

import json
import warnings
from typing import Any

import pytest

import programs
from behest import Behest, BehestConfigError, SyncBehest, detect_mode, resolve_config
from scripted import HELLO, Exchange, completion, serving

KEY = f"behest_sk_live_{'0' * 32}"


def test_an_option_beats_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {
        "BEHEST_KEY": KEY,
        "BEHEST_BASE_URL": "http://localhost:1/v1/",
        "BEHEST_USER_ID": "ann",
        "BEHEST_TTL": "120",
        "BEHEST_TIER": "2",
    }.items():
        monkeypatch.setenv(name, value)
    config = SyncBehest().config
    assert (config.base_url, config.default_user_id, config.ttl, config.tier) == ("http://localhost:1", "ann", 120, 2)
    client = Behest(
        base_url="http://localhost:2", default_user_id="eve", ttl=90, tier="pro", timeout=1.5, max_retries=7
    )
    config = client.config
    assert (config.base_url, config.default_user_id, config.ttl, config.tier) == (
        "http://localhost:2",
        "eve",
        90,
        "pro",
    )
    assert (config.timeout, config.max_retries) == (1.5, 7)
    assert (client.mode, config.mode) == ("apiKey", "apiKey")


@pytest.mark.parametrize("make", [Behest, SyncBehest, resolve_config])
def test_without_a_key_it_says_what_to_do(make: Any) -> None:
    with pytest.raises(BehestConfigError) as raised:
        make()
    assert str(raised.value) == 'BEHEST_KEY is not set: run "behest login", or pass key=...'
    assert (raised.value.code, raised.value.status) == ("missing_env", None)


def test_a_wrong_option_is_told_without_its_value() -> None:
    with pytest.raises(BehestConfigError) as raised:
        SyncBehest(key="swordfish")
    assert raised.value.code == "bad_key_format"
    assert "swordfish" not in repr(raised.value) + str(raised.value)
    with pytest.raises(BehestConfigError, match="`timeout`: it must be a positive number of seconds"):
        SyncBehest(key=KEY, timeout=-1)
    with pytest.raises(BehestConfigError, match="whole number"):
        SyncBehest(key=KEY, max_retries="2")  # type: ignore[arg-type]


@pytest.mark.parametrize("make", [Behest, SyncBehest, resolve_config])
def test_an_unknown_option_is_a_type_error(make: Any) -> None:
    with pytest.raises(TypeError, match="unexpected keyword argument 'nonsense'"):
        make(key=KEY, nonsense=1)


def test_a_client_of_ones_own_is_refused_with_a_reason() -> None:
    with pytest.raises(BehestConfigError, match="http_client is not taken any more") as raised:
        SyncBehest(key=KEY, http_client=object())  # type: ignore[arg-type]
    assert raised.value.param == "http_client"


def test_the_configuration_and_the_repr_hold_no_secret() -> None:
    client = SyncBehest(key=KEY)
    assert KEY not in json.dumps(client.config) + repr(client.config) + repr(client)
    assert repr(client) == "SyncBehest(base_url='https://api.behest.ai', mode='apiKey')"
    assert client.config == resolve_config(key=KEY)


def test_a_mode_is_detected() -> None:
    assert detect_mode(f"  {KEY}\n") == "apiKey"
    with pytest.raises(BehestConfigError) as raised:
        detect_mode("nothing")
    assert raised.value.code == "bad_key_format"
    with pytest.raises(BehestConfigError) as raised:
        detect_mode(" ")
    assert raised.value.code == "missing_env"


DEPRECATED = {
    "api_key": "SyncBehest(api_key=KEY)",
    "BEHEST_API_KEY": "os.environ['BEHEST_API_KEY'] = KEY; SyncBehest(); Behest(); del os.environ['BEHEST_API_KEY']",
    "mint_token": "SyncBehest(key=KEY, **SERVER).mint_token(userId='ann', sessionId='s')",
}


@pytest.mark.parametrize("name", DEPRECATED)
def test_a_deprecated_name_works_and_warns_once(name: str) -> None:
    async def chat(exchange: Exchange) -> None:
        await exchange.answer(completion("Hi"))

    program = f"""
        import os, warnings
        from behest import Behest, SyncBehest
        KEY = {KEY!r}
        SERVER = {{"base_url": os.environ["SERVER"]}}
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            for _ in range(3):
                {DEPRECATED[name]}
        for warning in caught:
            print(warning.category.__name__, os.path.basename(warning.filename), warning.message)
    """
    with serving(chat) as server:
        (line,) = programs.run(program, {"SERVER": server.base_url}).splitlines()
    assert line.startswith("DeprecationWarning <string> ")
    assert f"{name} is deprecated" in line


def test_deprecations_are_told_in_the_programs_own_way() -> None:
    program = f"""
        from behest import SyncBehest
        SyncBehest(api_key={KEY!r}, warn=print)
    """
    assert programs.run(program, {}) == "api_key is deprecated: use key\n"


def test_the_deprecated_mint_token_mints() -> None:
    async def chat(exchange: Exchange) -> None:
        await exchange.answer(completion("Hi"))

    with serving(chat) as server, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        minted = SyncBehest(**server.options).mint_token(userId="ann", sessionId="s", ttl=90)
        assert (minted.token, minted.session_id, minted.ttl) == ("token-1-of-ann", "s", 90)


def test_a_stored_credential_goes_to_its_own_gateway_only(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    async def chat(exchange: Exchange) -> None:
        await exchange.answer(completion("Hi"))

    monkeypatch.setenv("BEHEST_CONFIG_DIR", str(tmp_path))
    with serving(chat) as server:
        stored = {"version": 1, "current": server.base_url, "credentials": {server.base_url: {"key": KEY}}}
        (tmp_path / "credentials.json").write_text(json.dumps(stored))
        with SyncBehest() as client:
            assert client.chat.completions.create(messages=HELLO).choices[0].message.content == "Hi"
        with pytest.raises(BehestConfigError, match="no key for http://localhost:1 is stored"):
            SyncBehest(base_url="http://localhost:1")
