"""One gateway for the whole run, and the clients that talk to it."""

from collections.abc import Iterator

import httpx
import pytest
from openai import OpenAI

import gateway as gateways


@pytest.fixture(scope="session")
def gateway() -> Iterator[gateways.Gateway]:
    with gateways.running() as running:
        yield running


@pytest.fixture(scope="module")
def client(gateway: gateways.Gateway) -> Iterator[OpenAI]:
    """OpenAI's own client, without retries, so that a test sees each answer. To make one takes longer than most tests."""
    with OpenAI(base_url=gateway.base_url, api_key=gateway.api_key, max_retries=0) as client:
        yield client


@pytest.fixture(scope="module")
def http(gateway: gateways.Gateway) -> Iterator[httpx.Client]:
    """A plain HTTP client with the API key, for what OpenAI's package has no call for."""
    headers = {"Authorization": f"Bearer {gateway.api_key}"}
    with httpx.Client(base_url=gateway.origin, headers=headers, timeout=30) as client:
        yield client


@pytest.fixture
def user(request: pytest.FixtureRequest) -> str:
    """An end user of this test's own, so that tests never see each other's usage and threads."""
    return f"user-{request.node.name}"
