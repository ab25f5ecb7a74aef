"""The pages of `docs` tell the truth: their programs run, and their table of codes is the gateway's."""

import os
import pathlib
import re
import subprocess
import sys
from collections.abc import Iterator

import pytest

import gateway as gateways
from gateway import ROOT, Gateway, binary

ADDRESS = "http://localhost:8080"
PAGES = sorted((ROOT / "docs").glob("*.md")) + [ROOT / "README.md"]
FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def blocks(page: pathlib.Path, language: str) -> list[str]:
    """The page's programs in a language."""
    return [text for name, text in FENCE.findall(page.read_text()) if name == language]


@pytest.fixture(scope="module")
def gateway() -> Iterator[Gateway]:
    """A gateway of the pages' own, because they change its settings."""
    with gateways.running() as running:
        yield running


def environment(gateway: Gateway) -> dict[str, str]:
    """What a reader has who started the gateway on this machine."""
    return gateway.environment | {
        "BEHEST_BASE_URL": gateway.origin,
        "BEHEST_ADMIN_SECRET": gateway.admin_secret,
        "BEHEST_TENANT_ID": gateway.tenant_id,
        "BEHEST_PROJECT_ID": gateway.project_id,
        "PATH": f"{binary().parent}:{os.environ['PATH']}",
    }


def run(command: list[str], program: str, gateway: Gateway, folder: pathlib.Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command,
        input=program.replace(ADDRESS, gateway.origin),
        cwd=folder,
        env=environment(gateway),
        check=False,
        capture_output=True,
        text=True,
        timeout=60,
    )


# Their commands start, install or measure something.
READER_ONLY = {"README.md", "performance.md"}


@pytest.mark.parametrize(
    "page", [page for page in PAGES if blocks(page, "sh") and page.name not in READER_ONLY], ids=lambda page: page.name
)
def test_the_commands_of_a_page_run_in_their_order(
    gateway: Gateway, page: pathlib.Path, tmp_path: pathlib.Path
) -> None:
    finished = run(["bash", "-euo", "pipefail"], "\n".join(blocks(page, "sh")), gateway, tmp_path)
    assert finished.returncode == 0, finished.stdout + finished.stderr


@pytest.mark.parametrize(
    ("page", "program"),
    [(page, program) for page in PAGES for program in blocks(page, "python")],
    ids=lambda value: value.name if isinstance(value, pathlib.Path) else "program",
)
def test_the_python_programs_of_a_page_run(
    gateway: Gateway, page: pathlib.Path, program: str, tmp_path: pathlib.Path
) -> None:
    finished = run([sys.executable, "-"], program, gateway, tmp_path)
    assert finished.returncode == 0, finished.stderr


def test_the_pages_link_to_what_is_there() -> None:
    for page in [*PAGES, ROOT / "CONTRIBUTING.md", ROOT / "CHANGELOG.md"]:
        for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", page.read_text()):
            assert (page.parent / target).exists(), f"{page.name} links to {target}"


def test_the_table_of_codes_is_the_gateways() -> None:
    told = {
        code: int(status)
        for status, code in re.findall(
            r"^\| (\d{3}) \| `(\w+)` \|", (ROOT / "docs/errors.md").read_text(), re.MULTILINE
        )
    }
    (table,) = (ROOT / "behest-core/src/types").glob("snapshots/*the_whole_table_of_codes.snap")
    known = {code: int(status) for status, code in re.findall(r"^(\d{3}) (\w+) ", table.read_text(), re.MULTILINE)}
    assert told == known
