"""The wheel holds what an installer and a type checker look for."""

import email
import email.message
import pathlib
import subprocess
import sys
import tomllib
import zipfile

from environments import VERSION
from gateway import ROOT

PROJECT = tomllib.loads((ROOT / "bindings-python/pyproject.toml").read_text())["project"]
DIST_INFO = f"behest_ai-{VERSION}.dist-info"


def read(wheel: pathlib.Path, name: str) -> str:
    return zipfile.ZipFile(wheel).read(name).decode()


def metadata(wheel: pathlib.Path) -> email.message.Message:
    return email.message_from_string(read(wheel, f"{DIST_INFO}/METADATA"))


def test_its_name_tells_one_wheel_for_every_python_from_3_10_on(wheel: pathlib.Path) -> None:
    name, version, python, abi, platform = wheel.stem.split("-")
    assert (name, version, python, abi) == ("behest_ai", VERSION, "cp310", "abi3")
    assert platform.startswith(("manylinux_", "macosx_")), platform


def test_its_tag_is_the_one_that_its_symbols_allow(wheel: pathlib.Path) -> None:
    platform = wheel.stem.rsplit("-", 1)[1]
    audit = subprocess.run(
        [sys.executable, "-m", "auditwheel", "show", wheel], capture_output=True, check=True, text=True
    )
    assert f'following platform tag: "{platform}"' in " ".join(audit.stdout.split())


def test_it_holds_the_package_its_types_and_the_licence(wheel: pathlib.Path) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())
    sources = ROOT / "bindings-python/python"
    written = {
        str(path.relative_to(sources)) for suffix in ("py", "pyi", "typed") for path in sources.rglob(f"*.{suffix}")
    }
    dist_info = {f"{DIST_INFO}/{name}" for name in ("METADATA", "WHEEL", "RECORD", "entry_points.txt")}
    assert names == written | dist_info | {"behest/_native.abi3.so", f"{DIST_INFO}/licenses/LICENSE"}
    assert read(wheel, f"{DIST_INFO}/licenses/LICENSE") == (ROOT / "LICENSE").read_text()


def test_its_metadata_are_those_of_the_project(wheel: pathlib.Path) -> None:
    found = metadata(wheel)
    assert (found["Name"], found["Version"]) == (PROJECT["name"], VERSION)
    assert found["Summary"] == PROJECT["description"]
    assert found["Requires-Python"] == PROJECT["requires-python"]
    assert found["License-Expression"] == PROJECT["license"]
    assert found.get_all("Requires-Dist", []) == PROJECT.get("dependencies", [])
    assert found.get_payload().strip() == (ROOT / "bindings-python/README.md").read_text().strip()


def test_the_source_distribution_holds_the_crates_and_the_package(wheel: pathlib.Path) -> None:
    sdist = wheel.parent / f"behest_ai-{VERSION}.tar.gz"
    listed = subprocess.run(["tar", "tzf", sdist], capture_output=True, check=True, text=True).stdout.split()
    for name in (
        "Cargo.lock",
        "LICENSE",
        "behest-cli/src/lib.rs",
        "behest-core/src/lib.rs",
        "bindings-python/src/lib.rs",
        "pyproject.toml",
        "python/behest/__init__.py",
        "python/behest/py.typed",
    ):
        assert f"behest_ai-{VERSION}/{name}" in listed
