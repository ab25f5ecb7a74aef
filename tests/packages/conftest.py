"""The packages that would be published, built once, and installed where nothing else of Behest is."""

import pathlib
import subprocess
from collections.abc import Iterator

import pytest

import environments
import gateway as gateways


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--profile", default="dev", help="the cargo profile that the packages are built with")


def build(script: str, request: pytest.FixtureRequest, folder: pathlib.Path) -> pathlib.Path:
    """Runs one of the scripts behind `make wheel` and `make npm`, and returns the folder that it filled."""
    subprocess.run([gateways.ROOT / "scripts" / script, request.config.option.profile, folder], check=True)
    return folder


@pytest.fixture(scope="session")
def wheel(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    """The Python wheel."""
    (wheel,) = build("wheel", request, tmp_path_factory.mktemp("wheels")).glob("*.whl")
    return wheel


@pytest.fixture(scope="session")
def tarballs(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> environments.Tarballs:
    """The npm packages: the main one, and the one with the native module of this platform."""
    folder = build("npm", request, tmp_path_factory.mktemp("npm"))
    (platform,) = folder.glob(f"behest-client-ts-{environments.OPERATING_SYSTEM}-*.tgz")
    (main,) = set(folder.glob("*.tgz")) - {platform}
    return environments.Tarballs(main, platform)


@pytest.fixture(scope="session")
def python(wheel: pathlib.Path, tmp_path_factory: pytest.TempPathFactory) -> environments.Python:
    """A virtual environment that holds the wheel and what it depends on."""
    return environments.python(wheel, tmp_path_factory.mktemp("python"))


@pytest.fixture(scope="session")
def node(tarballs: environments.Tarballs, tmp_path_factory: pytest.TempPathFactory) -> environments.Node:
    """A folder that holds both npm packages and what they depend on."""
    return environments.node(tarballs, tmp_path_factory.mktemp("node"))


@pytest.fixture(scope="session")
def gateway(python: environments.Python) -> Iterator[gateways.Gateway]:
    """A gateway that the wheel's console script serves."""
    with gateways.running(python.behest) as running:
        yield running
