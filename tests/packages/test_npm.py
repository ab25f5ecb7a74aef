"""The npm packages hold what npm, Node and TypeScript look for."""

import json
import tarfile

from environments import OPERATING_SYSTEM, VERSION, Tarballs
from gateway import ROOT

NAME = "@behest/client-ts"


def names(tarball) -> set[str]:
    with tarfile.open(tarball) as archive:
        return {name.removeprefix("package/") for name in archive.getnames()}


def manifest(tarball) -> dict:
    with tarfile.open(tarball) as archive:
        return json.load(archive.extractfile("package/package.json"))


def test_the_main_package_depends_on_every_platform_at_exactly_its_own_version(tarballs: Tarballs) -> None:
    platforms = json.loads((ROOT / "bindings-node/platforms.json").read_text())
    found = manifest(tarballs.main)
    assert (found["name"], found["version"]) == (NAME, VERSION)
    assert found["optionalDependencies"] == {f"{NAME}-{platform}": VERSION for platform in platforms}


def test_the_main_package_holds_no_machine_code_and_nothing_of_its_workshop(tarballs: Tarballs) -> None:
    assert not [name for name in names(tarballs.main) if name.endswith((".node", ".rs", ".test.js"))]
    assert {"LICENSE", "README.md", "package.json"} < names(tarballs.main)
    assert not {"private", "scripts", "devDependencies"} & set(manifest(tarballs.main))


def test_every_path_that_the_main_package_exports_is_in_it(tarballs: Tarballs) -> None:
    def paths(exports: object) -> set[str]:
        if isinstance(exports, str):
            return {exports.removeprefix("./")}
        return set().union(*map(paths, exports.values()))

    assert paths(manifest(tarballs.main)["exports"]) <= names(tarballs.main)


def test_the_platform_package_fits_one_platform_and_holds_its_module_alone(tarballs: Tarballs) -> None:
    found = manifest(tarballs.platform)
    assert found["version"] == VERSION
    assert found["os"] == [OPERATING_SYSTEM]
    assert found["name"] == f"{NAME}-{found['main'].split('.')[1]}"
    assert names(tarballs.platform) == {"LICENSE", "README.md", "package.json", found["main"]}
