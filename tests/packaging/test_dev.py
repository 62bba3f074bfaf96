"""dev.py's decisions, on machines that are made up."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

import dev
import environment
import needs
from environment import Profile
from needs import Need, Purpose

ROOT = Path(__file__).parents[2]


def lacking(*names: str) -> needs.Probe:
    """Makes the probe of a machine that has everything but these."""
    return lambda need: need.name not in names


class TestNeeds:
    def test_a_machine_that_has_everything_lacks_nothing(self) -> None:
        assert needs.missing_for(Purpose, probe=lacking()) == ()

    def test_only_the_purposes_asked_for_are_probed(self) -> None:
        found = needs.missing_for([Purpose.WINDOW], probe=lacking("libEGL.so.1", "Xvfb"))

        assert [need.name for need in found] == ["libEGL.so.1"]

    @pytest.mark.parametrize("platform", ["win32", "darwin"])
    def test_elsewhere_the_wheels_are_complete(self, platform: str) -> None:
        assert needs.needs_for(Purpose, platform=platform) == ()
        assert needs.has_display({}, platform=platform)

    @pytest.mark.parametrize(
        ("variables", "there"),
        [({}, False), ({"DISPLAY": ""}, False), ({"DISPLAY": ":0"}, True), ({"WAYLAND_DISPLAY": "w"}, True)],
    )
    def test_display(self, variables: dict[str, str], there: bool) -> None:
        assert needs.has_display(variables, platform="linux") is there

    def test_the_text_names_the_command_for_each_system(self) -> None:
        missing = needs.missing_for(Purpose, probe=lacking("libxcb-cursor.so.0", "Xvfb"))

        text = needs.explain(missing)

        assert "for Qt: libxcb-cursor.so.0" in text
        assert "sudo apt-get install --no-install-recommends libxcb-cursor0 xvfb" in text
        assert "sudo dnf install xcb-util-cursor xorg-x11-server-Xvfb" in text
        assert "sudo pacman -S --needed xcb-util-cursor xorg-server-xvfb" in text

    def test_a_package_that_brings_two_things_is_named_once(self) -> None:
        commands = needs.install_commands(
            needs.missing_for(Purpose, probe=lacking("libEGL.so.1", "libGL.so.1"))
        )

        assert commands["pacman"].endswith(" libglvnd")

    @pytest.mark.parametrize(
        ("name", "kind", "there"),
        [
            ("libc.so.6", needs.Kind.LIBRARY, True),
            ("libnone.so.9", needs.Kind.LIBRARY, False),
            ("sh", needs.Kind.PROGRAM, True),
            ("no-such-program", needs.Kind.PROGRAM, False),
            ("json", needs.Kind.MODULE, True),
            ("no_such_module", needs.Kind.MODULE, False),
        ],
    )
    @pytest.mark.skipif(sys.platform != "linux", reason="sonames are Linux's")
    def test_the_probe_itself(self, name: str, kind: needs.Kind, there: bool) -> None:
        need = Need(kind=kind, name=name, purpose=Purpose.WINDOW, apt="a", dnf="b", pacman="c")

        assert needs.is_present(need) is there


class TestProvide:
    @pytest.fixture
    def installed(self, monkeypatch: pytest.MonkeyPatch) -> list[str]:
        """A machine without libEGL, where apt brings what it is asked for."""
        packages: list[str] = []

        def install(missing: Sequence[Need]) -> int:
            packages.extend(need.apt for need in missing)
            return 0

        monkeypatch.setattr(
            needs,
            "missing_for",
            lambda purposes: tuple(
                need
                for need in needs.needs_for(purposes, platform="linux")
                if need.name == "libEGL.so.1" and need.apt not in packages
            ),
        )
        monkeypatch.setattr(needs, "apt_install", install)
        return packages

    def test_root_on_debian_installs(self, installed: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(needs, "can_install", lambda: True)

        assert dev.provide([Purpose.WINDOW])
        assert installed == ["libegl1"]

    def test_anybody_else_is_told(
        self, installed: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        monkeypatch.setattr(needs, "can_install", lambda: False)

        with pytest.raises(SystemExit) as exit_:
            dev.main(["run"])

        assert exit_.value.code == 3
        assert not installed
        assert "sudo apt-get install --no-install-recommends libegl1" in capsys.readouterr().err


class TestCommandLine:
    @pytest.fixture
    def given(self, monkeypatch: pytest.MonkeyPatch) -> list[Sequence[str]]:
        """What the command gets, instead of carrying it out."""
        calls: list[Sequence[str]] = []

        def note(rest: Sequence[str]) -> int:
            calls.append(rest)
            return 7

        for name in dev.COMMANDS:
            monkeypatch.setitem(dev.COMMANDS, name, note)
        return calls

    @pytest.mark.parametrize("command", ["run", "test", "bundle"])
    def test_what_follows_the_command_goes_on_unread(self, command: str, given: list[Sequence[str]]) -> None:
        rest = ["-k", "breaker or test", "--help", "-x", "tests/core", "--", "run"]

        assert dev.main([command, *rest]) == 7
        assert given == [rest]

    @pytest.mark.parametrize(
        "arguments", [[], ["dance"], ["doctor", "now"], ["doctor", "--yaml"], ["lock", "x"]]
    )
    def test_a_wrong_command_line_is_refused(
        self, arguments: list[str], given: list[Sequence[str]], capsys: pytest.CaptureFixture[str]
    ) -> None:
        with pytest.raises(SystemExit) as exit_:
            dev.main(arguments)

        assert exit_.value.code == 2
        assert not given
        assert "usage: dev.py" in capsys.readouterr().err

    def test_help_names_every_command(self, capsys: pytest.CaptureFixture[str]) -> None:
        with pytest.raises(SystemExit) as exit_:
            dev.main(["--help"])

        assert exit_.value.code == 0
        text = capsys.readouterr().out
        assert all(f"dev.py {name}" in text for name in dev.COMMANDS)

    def test_the_oldest_python_is_refused_in_one_sentence(self) -> None:
        code = (
            "import sys, runpy; sys.version_info = (3, 9, 2); sys.version = '3.9.2 (x)';"
            f"runpy.run_path({str(ROOT / 'packaging' / 'dev.py')!r}, run_name='__main__')"
        )
        done = subprocess.run([sys.executable, "-c", code], check=False, capture_output=True, text=True)

        assert done.returncode == 1
        assert "needs Python 3.11, 3.12 or 3.13; this is 3.9.2." in done.stderr
        assert "Traceback" not in done.stderr


class TestUvSettings:
    def test_pip_is_followed(self) -> None:
        config = r"""
global.index-url='https://packages.example/simple'
global.extra-index-url='\nfile:///disk/one\nfile:///disk/two'
global.find-links='/wheels'
global.cert='/certificates.pem'
global.trusted-host='packages.example'
global.timeout='60'
freeze.index-url='https://other.example'
"""

        assert environment.uv_settings(config, {}) == {
            "UV_PYTHON_DOWNLOADS": "never",
            "UV_NO_PROGRESS": "1",
            "UV_DEFAULT_INDEX": "https://packages.example/simple",
            "UV_INDEX": "file:///disk/one file:///disk/two",
            "UV_INDEX_STRATEGY": "unsafe-best-match",
            "UV_FIND_LINKS": "/wheels",
            "SSL_CERT_FILE": "/certificates.pem",
            "UV_INSECURE_HOST": "packages.example",
            "UV_HTTP_TIMEOUT": "60",
        }

    def test_the_environment_wins_over_files_as_in_pip(self) -> None:
        config = ":env:.index-url='https://a.example'\ninstall.index-url='https://b.example'"

        assert environment.uv_settings(config, {})["UV_DEFAULT_INDEX"] == "https://a.example"

    def test_what_the_person_told_uv_stays(self) -> None:
        config = "global.index-url='https://a.example'"

        assert "UV_DEFAULT_INDEX" not in environment.uv_settings(config, {"UV_DEFAULT_INDEX": "x"})

    def test_without_configuration_uv_has_its_own_way(self) -> None:
        assert environment.uv_settings("", {}).keys() == {"UV_PYTHON_DOWNLOADS", "UV_NO_PROGRESS"}


class TestStamp:
    @pytest.fixture(autouse=True)
    def made(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
        """An environment of this test's own, with a Python in it."""
        monkeypatch.setattr(environment, "VENV", tmp_path)
        monkeypatch.setattr(environment, "STAMP", tmp_path / "stamp.json")
        python = environment.venv_program("python")
        python.parent.mkdir()
        python.touch()
        return tmp_path / "stamp.json"

    def stamp(self, path: Path, profile: Profile) -> None:
        path.write_text(json.dumps(environment.fingerprint(profile)), encoding="utf-8")

    def test_an_environment_without_a_stamp_is_not_current(self) -> None:
        assert not environment.is_current(Profile.CONSOLE)

    def test_development_holds_the_console(self, made: Path) -> None:
        self.stamp(made, Profile.DEV)

        assert environment.is_current(Profile.CONSOLE)
        assert environment.is_current(Profile.DEV)

    def test_the_console_does_not_hold_development(self, made: Path) -> None:
        self.stamp(made, Profile.CONSOLE)

        assert environment.is_current(Profile.CONSOLE)
        assert not environment.is_current(Profile.DEV)

    @pytest.mark.parametrize("text", ["", "[]", "{}", "{"])
    def test_a_damaged_stamp_is_no_stamp(self, made: Path, text: str) -> None:
        made.write_text(text, encoding="utf-8")

        assert not environment.is_current(Profile.DEV)

    def test_a_removed_python_is_noticed(self, made: Path) -> None:
        self.stamp(made, Profile.DEV)
        environment.venv_program("python").unlink()

        assert not environment.is_current(Profile.DEV)

    def test_a_moved_checkout_is_noticed(self, made: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.stamp(made, Profile.DEV)
        assert not environment.was_moved()

        monkeypatch.setattr(environment, "ROOT", made.parent)
        assert environment.was_moved()

    def test_an_environment_of_somebody_else_was_not_moved(self) -> None:
        assert not environment.was_moved()

    def test_a_changed_lock_is_noticed(
        self, made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        self.stamp(made, Profile.DEV)
        changed = tmp_path / "changed.txt"
        changed.write_text("", encoding="utf-8")
        monkeypatch.setattr(environment, "lock_path", lambda name: changed)

        assert not environment.is_current(Profile.DEV)
