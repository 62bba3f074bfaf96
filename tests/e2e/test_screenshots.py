"""The README's pictures can be taken at any time, so that they never show what was."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from tests.e2e import screenshots

from environment import ROOT

PNG = b"\x89PNG\r\n\x1a\n"


@pytest.mark.slow
def test_all_pictures_are_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOGNAME", os.environ.get("LOGNAME", ""))  # put back afterwards

    taken = screenshots.take(tmp_path)

    assert {path.name for path in taken} == {path.name for path in screenshots.FOLDER.glob("*.png")}
    for path in taken:
        assert path.read_bytes().startswith(PNG)


def test_the_pictures_in_the_readme_are_there_and_small() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")

    pictures = sorted(screenshots.FOLDER.glob("*.png"))
    assert pictures
    for path in pictures:
        assert str(path.relative_to(ROOT)) in text
        assert path.stat().st_size <= 150_000
