"""Places where a package is installed as a stranger would install it, and programs run as theirs would."""

import os
import pathlib
import platform
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass

from gateway import ROOT

VERSION = tomllib.loads((ROOT / "Cargo.toml").read_text())["workspace"]["package"]["version"]
PROGRAMS = pathlib.Path(__file__).parent / "programs"
# As Node calls it.
OPERATING_SYSTEM = platform.system().lower()
SECONDS = 60

# What the packages bring with them at the version that the other tests use, so that a test fails for our reasons alone.
CONSTRAINTS = ROOT / "tests/clients/requirements.txt"
NEIGHBOURS = ("@types/node@20.19.0", "openai@7.57.0", "typescript@5.9.3")
STRICT = ("--strict", "--module", "nodenext", "--target", "es2022", "--types", "node")


@dataclass(frozen=True)
class Tarballs:
    """What `scripts/npm` made."""

    main: pathlib.Path
    platform: pathlib.Path


@dataclass(frozen=True)
class Python:
    """A virtual environment."""

    folder: pathlib.Path

    @property
    def interpreter(self) -> pathlib.Path:
        return self.folder / "bin" / "python"

    @property
    def behest(self) -> pathlib.Path:
        """The console script."""
        return self.folder / "bin" / "behest"

    def program(self, name: str, env: Mapping[str, str] | None = None) -> str:
        """Runs one of the programs here to its end and returns what it printed."""
        return run(self.folder, self.interpreter, PROGRAMS / name, env=env)


@dataclass(frozen=True)
class Node:
    """A folder with a `node_modules`."""

    folder: pathlib.Path

    def compile(self) -> str:
        """Makes JavaScript of the programs here, and returns what is wrong with their types or those that they import."""
        programs = [path for suffix in ("cts", "mts") for path in PROGRAMS.glob(f"*.{suffix}")]
        for path in programs:
            shutil.copy(path, self.folder)
        return attempt(self.folder, "npx", "--no-install", "tsc", *STRICT, *(path.name for path in programs)).stdout

    def program(self, name: str, *words: str, env: Mapping[str, str] | None = None) -> str:
        """Runs one of the programs here, or what one was compiled to, and returns what it printed."""
        if (PROGRAMS / name).exists():
            shutil.copy(PROGRAMS / name, self.folder)
        return run(self.folder, "node", name, *words, env=env)


def python(wheel: pathlib.Path, folder: pathlib.Path) -> Python:
    """Makes a virtual environment with the wheel, and with its dependencies from the registry."""
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder], check=True)
    environment = Python(folder)
    pip = [sys.executable, "-m", "pip", "--python", environment.interpreter]
    subprocess.run([*pip, "install", "--quiet", "--constraint", CONSTRAINTS, wheel], check=True)
    return environment


def node(tarballs: Tarballs, folder: pathlib.Path) -> Node:
    """Installs both packages, and their dependencies from the registry, beside the compiler that checks their types."""
    install(folder, tarballs.main, tarballs.platform, *NEIGHBOURS)
    return Node(folder)


def install(folder: pathlib.Path, *packages: str | pathlib.Path) -> None:
    """Runs `npm install` in a folder that is a package of its own."""
    (folder / "package.json").write_text('{ "private": true }\n')
    subprocess.run(["npm", "install", "--silent", "--no-audit", "--no-fund", *packages], cwd=folder, check=True)


def clean(folder: pathlib.Path, env: Mapping[str, str] | None = None) -> dict[str, str]:
    """An environment with a home of its own, and with nothing of this machine's Python or Behest in it."""
    inherited = {name: text for name, text in os.environ.items() if not name.startswith(("BEHEST_", "PYTHON"))}
    return inherited | {"HOME": str(folder)} | dict(env or {})


def attempt(
    folder: pathlib.Path, *command: str | pathlib.Path, env: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """Runs a command to its end in a clean environment."""
    return subprocess.run(
        command, check=False, cwd=folder, env=clean(folder, env), capture_output=True, text=True, timeout=SECONDS
    )


def run(folder: pathlib.Path, *command: str | pathlib.Path, env: Mapping[str, str] | None = None) -> str:
    """Runs a command that succeeds, and returns what it printed."""
    finished = attempt(folder, *command, env=env)
    assert finished.returncode == 0, finished.stdout + finished.stderr
    return finished.stdout
