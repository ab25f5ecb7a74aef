"""The package tells the version of the workspace it was built from."""

import pathlib
import re

import behest

CARGO_TOML = pathlib.Path(__file__).parents[2] / "Cargo.toml"


def workspace_version() -> str:
    section = CARGO_TOML.read_text().split("[workspace.package]")[1]
    return re.search(r'^version = "(.+)"$', section, re.MULTILINE).group(1)


def test_the_native_module_tells_the_workspace_version() -> None:
    assert behest.version() == workspace_version()


def test_the_package_carries_the_same_version() -> None:
    assert behest.__version__ == behest.version()
