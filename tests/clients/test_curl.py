"""What a person with nothing but curl sees."""

import json
import subprocess

from gateway import Gateway


def curl(*arguments: str) -> str:
    finished = subprocess.run(
        ["curl", "--silent", "--show-error", "--max-time", "30", *arguments],
        check=False,
        capture_output=True,
        text=True,
    )
    assert finished.returncode == 0, finished.stderr
    return finished.stdout


def test_health_and_readiness_need_no_key(gateway: Gateway) -> None:
    for path in ("/health", "/ready"):
        assert curl("--write-out", "%{http_code}", "--output", "/dev/null", gateway.origin + path) == "200"


def test_the_slug_url_reaches_the_project(gateway: Gateway) -> None:
    host, port = gateway.slug_host.split(":")
    answer = curl(
        *("--resolve", f"{host}:{port}:127.0.0.1"),
        *("--header", f"Authorization: Bearer {gateway.api_key}"),
        *("--json", '{"messages": [{"role": "user", "content": "hello there"}]}'),
        f"http://{gateway.slug_host}/v1/chat/completions",
    )
    assert "hello there" in json.loads(answer)["choices"][0]["message"]["content"]


def test_the_keys_for_verifying_tokens_are_public(gateway: Gateway) -> None:
    keys = json.loads(curl(f"{gateway.origin}/.well-known/jwks.json"))["keys"]
    assert keys
    for key in keys:
        assert {"kty", "use", "alg", "kid", "n", "e"} <= key.keys()
        assert "d" not in key


def test_a_host_that_is_not_ours_is_misdirected(gateway: Gateway) -> None:
    status = curl(
        *("--header", "Host: attacker.example"),
        *("--header", f"Authorization: Bearer {gateway.api_key}"),
        *("--write-out", "%{http_code}", "--output", "/dev/null"),
        f"{gateway.origin}/v1/models",
    )
    assert status == "421"
