"""Starts `behest serve` as a stranger would, with nothing configured unless a test says so, and stops it."""

import contextlib
import json
import os
import pathlib
import subprocess
import tempfile
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

ROOT = pathlib.Path(__file__).resolve().parents[2]
START_SECONDS = 30
# The gateway gives open streams 30 seconds to end.
STOP_SECONDS = 40


@dataclass(frozen=True)
class Gateway:
    """A running gateway and what it said when it was ready."""

    origin: str
    api_key: str
    admin_secret: str
    tenant_id: str
    project_id: str
    slug: str

    @property
    def base_url(self) -> str:
        """The base URL for OpenAI's packages."""
        return f"{self.origin}/v1"

    @property
    def slug_host(self) -> str:
        """The Host that names the project. Sent as a header, because not every system resolves `*.localhost`."""
        return f"{self.slug}.localhost:{self.origin.rsplit(':', 1)[1]}"

    @property
    def settings(self) -> dict[str, str]:
        """The variables that tell a program where the gateway is and what to call it with."""
        return {"BEHEST_BASE_URL": self.base_url, "BEHEST_KEY": self.api_key}

    @property
    def environment(self) -> dict[str, str]:
        """The environment for an example."""
        return os.environ | self.settings


def binary() -> pathlib.Path:
    """The program that cargo built."""
    if chosen := os.environ.get("BEHEST_BIN"):
        return pathlib.Path(chosen)
    return ROOT / os.environ.get("CARGO_TARGET_DIR", "target") / "debug" / "behest"


def read_ready(process: subprocess.Popen[str]) -> dict[str, object]:
    """Reads the one JSON object that `--json` prints when the gateway is ready."""
    watchdog = threading.Timer(START_SECONDS, process.kill)
    watchdog.start()
    try:
        text = ""
        for line in process.stdout:
            text += line
            with contextlib.suppress(json.JSONDecodeError):
                return json.loads(text)
    finally:
        watchdog.cancel()
    raise RuntimeError(f"`behest serve` did not say that it is ready; its stdout was {text!r}, its stderr is above")


@contextlib.contextmanager
def running(
    program: pathlib.Path | None = None, settings: str = "", environment: Mapping[str, str] | None = None
) -> Iterator[Gateway]:
    """Runs a gateway with a data directory of its own; `program` stands in for the one that cargo built.

    `settings` is what its configuration file says, `environment` the variables that the file names.
    """
    with tempfile.TemporaryDirectory(prefix="behest-clients-") as folder:
        file = pathlib.Path(folder) / "behest.toml"
        file.write_text(settings)
        process = subprocess.Popen(
            [ROOT / "scripts/without-providers", program or binary(), "serve"]
            + ["--port", "0", "--json", "--no-profile", "--data-dir", f"{folder}/data", "--config", file],
            env=os.environ | dict(environment or {}),
            stdout=subprocess.PIPE,
            text=True,
        )
        try:
            ready = read_ready(process)
            yield Gateway(
                origin=ready["base_url"].rstrip("/").removesuffix("/v1"),
                api_key=ready["api_key"],
                admin_secret=ready["admin_secret"],
                tenant_id=ready["tenant_id"],
                project_id=ready["project_id"],
                slug=ready["slug"],
            )
        finally:
            process.terminate()
            process.wait(STOP_SECONDS)
