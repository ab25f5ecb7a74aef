"""The table of `docs/providers.md` tells the truth: every cell names tests that exist, for Python and for Node."""

import re

import test_providers
from gateway import ROOT
from providers.running import NAMES

COLUMNS = [
    "plain",
    "stream",
    "tools",
    "parallel tools",
    "images",
    "JSON schema",
    "reasoning",
    "cached usage",
    "embeddings",
]
NODE = ROOT / "tests/clients/node"


def cells() -> dict[tuple[str, str], str]:
    """What the table says, by provider and capability."""
    _, _, section = (ROOT / "docs/providers.md").read_text().partition("## What each can do\n")
    rows = [
        [cell.strip() for cell in line.strip("|").split("|")]
        for line in section.partition("\n## ")[0].splitlines()
        if line.startswith("|")
    ]
    head, _, *body = rows
    return {(row[0].strip("`"), column): cell for row in body for column, cell in zip(head[1:], row[1:], strict=True)}


def collected() -> set[str]:
    """The names that pytest gives to the tests of the providers."""
    marked = [(name, getattr(test, "pytestmark", ())) for name, test in vars(test_providers).items()]
    cases = [(name, mark) for name, marks in marked for mark in marks if mark.name == "parametrize"]
    return {f"{name}[{case}]" for name, mark in cases if name.startswith("test_") for case in mark.kwargs["ids"]}


def test_every_provider_has_a_cell_for_every_capability() -> None:
    assert set(cells()) == {(name, column) for name in NAMES for column in COLUMNS}


def test_every_cell_is_proved_by_a_test() -> None:
    tests = collected()
    node = (NODE / "providers.test.ts").read_text()
    for (name, column), cell in cells().items():
        if reason := re.fullmatch(r"no: .+ \(`(\w+\[\w+\])`\)", cell):
            assert f"test_{reason[1]}" in tests
            assert f'test("{reason[1]}"' in node
        else:
            wanted = f"{column.lower().replace(' ', '_')}[{name}]"
            assert cell == f"`{wanted}`"
            assert f"test_{wanted}" in tests


def test_the_tests_for_node_are_of_the_same_providers_and_capabilities() -> None:
    listed = re.search(r"NAMES = \[(.*)\]", (NODE / "providers.ts").read_text())
    assert listed
    assert re.findall(r'"(\w+)"', listed[1]) == NAMES
    tests = re.findall(r"test\(`(\w+)\[\$\{name\}\]`", (NODE / "providers.test.ts").read_text())
    assert tests == [column.lower().replace(" ", "_") for column in COLUMNS]
