"""The locked requirements: complete, hashed, agreeing with pyproject.toml, and without any address."""

from __future__ import annotations

import importlib.metadata
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from functools import cache

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from tests.architecture.source import CONSOLE, CORE, ROOT, sources

LOCKS = ("console", "dev", "tools")

# Written in parts, because this file is searched too.
REGISTRY_HOSTS = tuple(
    ".".join(parts)
    for parts in (
        ("pypi", "org"),
        ("pythonhosted", "org"),
        ("npmjs", "org"),
        ("deb", "debian", "org"),
        ("anaconda", "org"),
        ("crates", "io"),
    )
)


@cache
def settings() -> dict[str, dict[str, object]]:
    return tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


def text_of(lock: str) -> str:
    return (ROOT / "packaging" / f"requirements-{lock}.txt").read_text(encoding="utf-8")


def entries(lock: str) -> Iterator[tuple[Requirement, list[str]]]:
    """Gives each locked requirement with its hashes."""
    joined = text_of(lock).replace("\\\n", " ")
    for line in joined.splitlines():
        if line.strip() and not line.startswith("#"):
            requirement, *hashes = line.split("--hash=")
            yield Requirement(requirement), [text.strip() for text in hashes]


def pins(lock: str) -> dict[str, set[str]]:
    """Gives the versions of each package; more than one when systems or Pythons differ."""
    found: dict[str, set[str]] = {}
    for requirement, _ in entries(lock):
        (specifier,) = requirement.specifier
        assert specifier.operator == "==", requirement
        found.setdefault(canonicalize_name(requirement.name), set()).add(specifier.version)
    return found


def group(name: str) -> Iterator[str]:
    """Gives the requirements of a dependency group with those of the groups it includes."""
    groups = settings()["dependency-groups"]
    listed = groups[name]
    assert isinstance(listed, list)
    for entry in listed:
        yield from group(entry["include-group"]) if isinstance(entry, dict) else [entry]


def extra(name: str) -> Iterator[str]:
    """Gives the requirements of an extra with those of the extras it takes from the project itself."""
    extras = settings()["project"]["optional-dependencies"]
    assert isinstance(extras, dict)
    for entry in extras[name]:
        requirement = Requirement(entry)
        if requirement.name == settings()["project"]["name"]:
            for inner in requirement.extras:
                yield from extra(inner)
        else:
            yield entry


def wanted(lock: str) -> list[Requirement]:
    """Gives what pyproject.toml asks of the environment that a lock makes."""
    base = settings()["project"]["dependencies"]
    assert isinstance(base, list)
    texts = {
        "console": [*base, *extra("console"), *extra("demo"), *group("tools")],
        "dev": [*base, *extra("all"), *group("dev")],
        "tools": [*group("tools")],
    }
    return [Requirement(text) for text in texts[lock]]


@pytest.mark.parametrize("lock", LOCKS)
def test_lock_satisfies_the_project_file(lock: str) -> None:
    locked = pins(lock)
    for requirement in wanted(lock):
        versions = locked.get(canonicalize_name(requirement.name), set())
        assert versions, f"{requirement} is not locked; run: python3 packaging/dev.py lock"
        assert all(requirement.specifier.contains(version) for version in versions), (requirement, versions)


def test_what_is_imported_is_asked_for() -> None:
    """A library that is there only because another one needs it may go with the next version of that one."""
    asked = {canonicalize_name(requirement.name) for requirement in (*wanted("console"), *wanted("dev"))}
    distributions = importlib.metadata.packages_distributions()
    undeclared = {
        (source.path, name)
        for source in sources()
        if source.path.startswith((CORE, CONSOLE))
        for name in source.imported() - sys.stdlib_module_names
        if not name.startswith("autotask_")
        and not asked.intersection(canonicalize_name(found) for found in distributions.get(name, ()))
    }
    assert not undeclared


@pytest.mark.parametrize("lock", LOCKS)
def test_every_file_is_hashed(lock: str) -> None:
    for requirement, hashes in entries(lock):
        assert hashes, requirement
        assert all(re.fullmatch(r"sha256:[0-9a-f]{64}", text) for text in hashes), requirement


@pytest.mark.parametrize("lock", ["console", "dev"])
def test_lock_serves_every_python_and_system(lock: str) -> None:
    """A lock made from an index that holds this machine's files only would fail on the next machine."""
    hashes = {requirement.name: len(found) for requirement, found in entries(lock)}

    # Three Pythons on three systems at least; Qt has one file a system.
    assert min(hashes[name] for name in ("cffi", "msgspec", "sqlcipher3", "numpy")) >= 9
    assert hashes["pyside6-essentials"] >= 4


@pytest.mark.parametrize("lock", LOCKS)
def test_lock_names_no_address(lock: str) -> None:
    assert not re.search(r"://|--(extra-)?index-url|--find-links|--trusted-host|@ file", text_of(lock))


@pytest.mark.parametrize("lock", ["console", "tools"])
def test_smaller_lock_is_cut_from_the_largest(lock: str) -> None:
    everything = pins("dev")
    assert all(versions == everything[name] for name, versions in pins(lock).items())


def test_qt_is_the_version_that_works() -> None:
    """6.12.0 aborts on Python 3.11; a bump is a decision (see test_qt_binding.py)."""
    assert pins("dev")["pyside6-essentials"] == {"6.11.3"}


def test_no_file_names_a_registry() -> None:
    """Where packages come from is the machine's own affair and differs from one to the next."""
    listed = subprocess.run(["git", "ls-files", "-z"], check=False, cwd=ROOT, capture_output=True)
    names = listed.stdout.decode().split("\0") if listed.returncode == 0 else []
    paths = [ROOT / name for name in names if name] or list(ROOT.glob("[!.]*/**/*.*"))
    found = [
        (path.relative_to(ROOT).as_posix(), host)
        for path in paths
        if path.is_file()
        for host in REGISTRY_HOSTS
        if host.encode() in path.read_bytes()
    ]
    assert not found
