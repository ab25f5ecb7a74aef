"""Starts the clients that are measured: each a fresh process on one core that prints what it found as JSON."""

import json
import os
import subprocess
from pathlib import Path

from bodies import PLAIN, STREAM
from systems import PATIENCE, BenchError, call

HERE = Path(__file__).resolve().parent
KEY = f"behest_sk_live_{'0a' * 16}"


class Clients:
    """What all clients are told, and where their packages are."""

    def __init__(self, root, core, work, upstream):
        self.root, self.core, self.upstream = root, core, upstream
        self.python = root / ".venv/bin/python"
        self.packages = {
            "behest": str(root / "bindings-node/dist/index.mjs"),
            "openai": str(root / "tests/clients/node_modules/openai/index.mjs"),
        }
        # Nothing of the caller's environment: no provider key, no proxy, no setting of Behest.
        self.environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(work),
            "LANG": "C.UTF-8",
            "PYTHONPATH": f"{root / 'bindings-python/python'}:{HERE / 'python'}",
        }

    def told(self, system, **more):
        """What a client is told."""
        return {
            "system": system,
            "package": self.packages.get(system),
            "key": KEY,
            "base_url": f"http://{self.upstream.address}",
            "plain": PLAIN,
            "stream": STREAM,
            **whole_answers(self.upstream),
            **more,
        }

    def command(self, language, program, told):
        """The command of a program of the bench."""
        command = [self.python, HERE / f"python/{program}.py"]
        if language == "node":
            command = ["node", HERE / f"node/{program}.mjs"]
        return [*map(str, command), json.dumps(told)]

    def run(self, language, program, told, patience=PATIENCE, cores=None):
        """What a program found."""
        return json.loads(self.output(self.command(language, program, told), patience, cores))

    def output(self, command, patience=PATIENCE, cores=None):
        """What a command prints. It runs on the client's core, unless more are named."""
        try:
            ended = subprocess.run(
                ["taskset", "-c", cores or str(self.core), *map(str, command)],
                check=False,
                capture_output=True,
                text=True,
                timeout=patience,
                env=self.environment,
            )
        except subprocess.TimeoutExpired as error:
            raise BenchError(f"it did not end within {patience} s: {told_in(command)}") from error
        if ended.returncode != 0:
            raise BenchError(f"it failed: {told_in(command)}: {ended.stderr.strip()[-2000:]}")
        return ended.stdout

    def versions(self):
        """The versions of what is measured."""
        python = "import sys, httpx, openai; print(sys.version.split()[0], openai.__version__, httpx.__version__)"
        python, openai, httpx = self.output([self.python, "-c", python]).split()
        node = self.output(["node", "--version"]).strip()
        openai_node = json.loads((self.root / "tests/clients/node_modules/openai/package.json").read_text())["version"]
        behest = json.loads((self.root / "bindings-node/package.json").read_text())["version"]
        return f"behest {behest}; Python {python}: openai {openai}, httpx {httpx}; Node {node}: openai {openai_node}, fetch"


def whole_answers(upstream):
    """How long the upstream's answers are: what comes shorter is not whole."""

    def ask(body):
        status, answer = call(upstream.address, "POST", "/v1/chat/completions", body)
        if status != 200:
            raise BenchError(f"the upstream answers {status}")
        return answer

    plain = json.loads(ask(PLAIN))["choices"][0]["message"]["content"]
    return {"answer_characters": len(plain), "stream_chunks": ask(STREAM).count(b"data: {")}


def told_in(command):
    """A command without the long text that a client is told."""
    return " ".join(word if len(word) < 200 else word[:80] + "..." for word in command[1:])
