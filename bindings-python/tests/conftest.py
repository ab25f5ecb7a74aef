"""One real gateway for the whole run. What the environment says of `behest` stays out."""

import os
from collections.abc import Iterator
from typing import Any

import pytest

import gateway as gateways
from behest import SyncBehest

OF_THE_TESTS = {"BEHEST_BIN", "BEHEST_CACHE"}
for name in [name for name in os.environ if name.startswith("BEHEST_") and name not in OF_THE_TESTS]:
    del os.environ[name]


@pytest.fixture(autouse=True)
def no_stored_credential(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """A credential stored on this machine is not the tests' to use."""
    monkeypatch.setenv("BEHEST_CONFIG_DIR", str(tmp_path_factory.getbasetemp() / "no-credentials"))


@pytest.fixture(scope="session")
def gateway() -> Iterator[gateways.Gateway]:
    with gateways.running() as running:
        yield running


@pytest.fixture
def options(gateway: gateways.Gateway) -> dict[str, Any]:
    """What a client of the gateway is made with."""
    return {"key": gateway.api_key, "base_url": gateway.origin}


@pytest.fixture
def client(options: dict[str, Any]) -> Iterator[SyncBehest]:
    with SyncBehest(**options) as client:
        yield client


@pytest.fixture
def user(request: pytest.FixtureRequest) -> str:
    """An end user of this test's own, so that tests never see each other's usage and threads."""
    return f"user-{request.node.name}"
