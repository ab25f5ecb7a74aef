"""Facts about the machine and the working copy, and the one way to say something while a bench runs."""

import os
import platform
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
TARGET = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")).resolve()


def profile_folder(profile):
    """Where cargo puts what it builds; its folder for `dev` has another name."""
    return TARGET / ("debug" if profile == "dev" else profile)


def say(line):
    print(line, file=sys.stderr, flush=True)


def date():
    return time.strftime("%Y-%m-%d")


def commit():
    told = subprocess.run(
        ["git", "describe", "--always", "--dirty", "--exclude", "*"],
        check=False,
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    return told.stdout.strip() or "unknown"


def machine():
    return f"{processor()}, {os.cpu_count()} cores, Linux {platform.release()}"


def processor():
    names = [
        line.partition(":")[2].strip()
        for line in Path("/proc/cpuinfo").read_text().splitlines()
        if line.startswith("model name")
    ]
    return names[0] if names else platform.machine()
