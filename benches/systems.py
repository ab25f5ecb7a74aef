"""What a bench starts: the fake upstream, nginx and Behest, each a child process pinned to one core."""

import contextlib
import http.client
import json
import os
import select
import shutil
import signal
import socket
import subprocess
import time
from pathlib import Path
from urllib.parse import urlsplit

from bodies import TRANSLATED_MODEL

HERE = Path(__file__).resolve().parent
TICKS = os.sysconf("SC_CLK_TCK")
PATIENCE = 20  # seconds for a start, an answer, or a stop


class BenchError(Exception):
    """Why no figures could be taken."""


class Child:
    """One process and its children, on one core. Stopped by its own id."""

    def __init__(self, command, core, log, environment):
        self.began = time.perf_counter()
        with open(log, "ab") as stderr:
            self.process = subprocess.Popen(
                ["taskset", "-c", str(core), *map(str, command)],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=stderr,
                env=environment,
            )
        self.log = log

    def pids(self):
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()
        return [self.process.pid, *map(int, children)]

    def cpu_seconds(self):
        """User and system time of the process and its living children."""
        ticks = 0
        for pid in self.pids():
            # The name in parentheses may hold spaces; the fields after it do not.
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
            ticks += int(fields[11]) + int(fields[12])
        return ticks / TICKS

    def resident_mb(self):
        lines = [line for pid in self.pids() for line in Path(f"/proc/{pid}/status").read_text().splitlines()]
        return sum(int(line.split()[1]) for line in lines if line.startswith("VmRSS")) * 1024 / 1e6

    def first_json(self):
        """The JSON object that the process prints when it is ready."""
        printed, deadline = b"", time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            if select.select([self.process.stdout], [], [], 0.1)[0]:
                piece = os.read(self.process.stdout.fileno(), 65536)
                printed += piece
                with contextlib.suppress(ValueError):
                    return json.loads(printed)
                if not piece:
                    break
        raise BenchError(f"{self.process.args[3]} did not say that it is ready; see {self.log}")

    def stop(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(PATIENCE)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        self.process.stdout.close()


def call(address, method, path, body=None, headers=None):
    """One request without any proxy between; answers the status and the body."""
    connection = http.client.HTTPConnection(address, timeout=PATIENCE)
    try:
        connection.request(method, path, None if body is None else json.dumps(body), headers or {})
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()


def call_json(address, method, path, body=None, headers=None):
    status, answer = call(address, method, path, body, headers)
    if status != 200:
        raise BenchError(f"{method} {path}: {status} {answer[:300].decode(errors='replace')}")
    return json.loads(answer)


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class System:
    """Something that answers chat requests at an address."""

    def __init__(self, name, core, work):
        self.name, self.core, self.work = name, core, work
        self.child = self.address = self.bearer = None
        self.answered = 0  # good chat answers seen by this bench
        # Nothing of the caller's environment: no provider key, no proxy, no setting of Behest.
        self.environment = {"PATH": os.environ["PATH"], "HOME": str(work), "LANG": "C.UTF-8"}

    def spawn(self, command, **environment):
        self.child = Child(command, self.core, self.work / f"{self.name}.log", self.environment | environment)

    def stop(self):
        if self.child:
            self.child.stop()
            self.child = None

    def start_to_first_answer(self, body):
        """Starts, asks until the first good answer, and gives the seconds since the start."""
        self.start()
        headers = {"Content-Type": "application/json"}
        if self.bearer:
            headers["Authorization"] = f"Bearer {self.bearer}"
        status, problem = None, b""
        while time.perf_counter() < self.child.began + PATIENCE:
            try:
                status, problem = call(self.address, "POST", "/v1/chat/completions", body, headers)
            except OSError:
                time.sleep(0.0005)
                continue
            if status == 200:
                self.answered += 1
                return time.perf_counter() - self.child.began
            break
        raise BenchError(
            f"{self.name} gave no first answer: {status} {problem[:300].decode(errors='replace')}; see {self.child.log}"
        )


class Upstream(System):
    """The fake provider; asked directly, it is what the others are compared to."""

    def __init__(self, core, work, binaries, chunks=32):
        super().__init__("direct", core, work)
        self.binary, self.chunks = binaries / "fake-upstream", chunks

    def start(self):
        self.spawn([self.binary, "--port", "0", "--chunks", str(self.chunks)])
        self.address = self.child.first_json()["base_url"].removeprefix("http://")

    def delay(self, answer_ms, chunk_ms):
        call_json(self.address, "POST", "/settings", {"delay_ms": answer_ms, "chunk_delay_ms": chunk_ms})

    def stats(self):
        return call_json(self.address, "GET", "/stats")

    def answers(self):
        stats = self.stats()
        return stats["plain"] + stats["streams"]

    def messages(self):
        """How many of its answers were in Anthropic's form."""
        return self.stats()["messages"]


class Nginx(System):
    """The yardstick, by the committed configuration."""

    def __init__(self, core, work, output, upstream):
        super().__init__("nginx", core, work)
        self.upstream = upstream
        self.binary = find_nginx(output)
        shown = subprocess.run([self.binary, "-v"], capture_output=True, text=True, check=True).stderr
        self.version = shown.strip().removeprefix("nginx version: ")

    def start(self):
        port = free_port()
        self.address = f"127.0.0.1:{port}"
        words = {
            "@DIRECTORY@": str(self.work),
            "@PORT@": str(port),
            "@UPSTREAM_PORT@": self.upstream.address.rpartition(":")[2],
        }
        text = (HERE / "nginx.conf.in").read_text()
        for word, value in words.items():
            text = text.replace(word, value)
        configuration = self.work / "nginx.conf"
        configuration.write_text(text)
        self.spawn([self.binary, "-e", self.work / "error.log", "-p", self.work, "-c", configuration])


def find_nginx(output):
    """The nginx of the machine, else Debian's package unpacked into the bench's own folder.

    Unpacked and not installed, since installing it would also start it as a service.
    """
    if found := shutil.which("nginx"):
        return found
    folder = output / "nginx"
    binary = folder / "usr/sbin/nginx"
    if not binary.exists():
        folder.mkdir(parents=True, exist_ok=True)
        fetch = ["apt-get", "download", "-q", "-o", "APT::Sandbox::User=root", "nginx"]
        try:
            if (
                subprocess.run(fetch, check=False, cwd=folder, capture_output=True).returncode != 0
                and os.geteuid() == 0
            ):
                subprocess.run(["apt-get", "update", "-q"], check=False, capture_output=True)
                subprocess.run(fetch, check=False, cwd=folder, capture_output=True)
            for package in folder.glob("nginx_*.deb"):
                subprocess.run(["dpkg-deb", "-x", package, folder], check=True)
        except (OSError, subprocess.CalledProcessError) as error:
            raise BenchError(f"nginx cannot be fetched ({error}): install it and run again") from error
    if not binary.exists():
        raise BenchError("there is no nginx on the path and apt-get gives none: install it and run again")
    return binary


# Limits hold as they do for everybody, but no load of one user reaches them.
HIGH_LIMITS = """
[limits]
project_rpm = 1000000000
user_rpm = 1000000000
user_tokens_per_day = 1000000000000
"""


class Behest(System):
    """The gateway: an embedded data directory, the fake upstream as OpenAI and as Anthropic, a minted token."""

    def __init__(self, core, work, binary, upstream, name="behest", limits=HIGH_LIMITS):
        super().__init__(name, core, work)
        self.limits = limits
        self.binary, self.upstream = binary, upstream
        self.api_key = self.admin_secret = None
        self.version = subprocess.run([binary, "--version"], capture_output=True, text=True, check=True).stdout.strip()

    def settings(self):
        """What the gateway must be told: environment and configuration file."""
        environment = {
            "OPENAI_API_KEY": "sk-bench",
            "OPENAI_BASE_URL": f"http://{self.upstream.address}/v1",
            "ANTHROPIC_API_KEY": "sk-ant-bench",
            "ANTHROPIC_BASE_URL": f"http://{self.upstream.address}",
        }
        # A server at an address of its own is asked for every model unless it says which it has.
        configuration = f"[providers.anthropic]\nmodels = {json.dumps([TRANSLATED_MODEL])}\n{self.limits}"
        return environment, configuration

    def start(self):
        environment, configuration = self.settings()
        file = self.work / "behest.toml"
        file.write_text(configuration)
        self.spawn(
            [
                self.binary,
                "serve",
                "--port",
                "0",
                "--json",
                "--no-profile",
                "--data-dir",
                self.work / "data",
                "--config",
                file,
            ],
            **environment,
        )
        ready = self.child.first_json()
        # By number, since `load` resolves no names.
        self.address = f"127.0.0.1:{urlsplit(ready['base_url']).port}"
        # Both are said at the first start only.
        self.api_key = ready["api_key"] or self.api_key
        self.admin_secret = ready["admin_secret"] or self.admin_secret
        self.bearer = self.bearer or self.api_key

    def mint(self, **claims):
        """From here on the gateway is asked with a token, as an application's users do; gives its project."""
        minted = call_json(
            self.address,
            "POST",
            "/v1/auth/mint",
            {"user_id": "bench", "ttl": 7200} | claims,
            {"Authorization": f"Bearer {self.api_key}", "Content-Type": "application/json"},
        )
        self.bearer = minted["access_token"]
        return minted["project_id"]

    def control(self, method, path, body=None):
        """One request of the operator."""
        return call_json(self.address, method, path, body, {"X-Admin-Secret": self.admin_secret})

    def records(self):
        """The calls that the gateway has on record."""
        usage = call_json(self.address, "GET", "/v1/usage", headers={"Authorization": f"Bearer {self.api_key}"})
        return usage["totals"]["requests"]

    def commits(self):
        """The ledger commits since the last start; `None` with a reason where the gateway does not tell."""
        status, text = call(self.address, "GET", "/metrics", headers={"X-Admin-Secret": self.admin_secret or ""})
        if status != 200:
            return None, f"GET /metrics answers {status}"
        for line in text.decode().splitlines():
            if line.startswith("behest_ledger_commits_total"):
                return float(line.split()[-1]), None
        return None, "GET /metrics has no behest_ledger_commits_total"
