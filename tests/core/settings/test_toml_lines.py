"""In which line of a TOML file a setting stands."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from autotask_queue.settings.toml_lines import key_lines, line_of


def test_lines_of_keys_and_tables() -> None:
    text = """\
a = 1
b.c = 2
"d e" = 3 # [not.a.table]
text = \"\"\"
[not.a.table]
x = 1
\"\"\"
[one . two]
f = '''g = 1'''
'h' = { i = 1 }
[[many]]
j=1
"""
    lines = key_lines(text)
    expected = {"a": 1, "b": 2, "b.c": 2, "d e": 3, "text": 4, "one.two": 8, "one.two.f": 9, "one.two.h": 10,
                "many": 11, "many.j": 12}  # fmt: skip
    assert lines == expected
    assert line_of(lines, "one.two.h.i") == 10
    assert line_of(lines, "many.unknown.deeper") == 11
    assert line_of(lines, "elsewhere") is None


@given(st.text())
def test_any_text_has_lines(text: str) -> None:
    count = len(text.splitlines())
    assert all(1 <= line <= count for line in key_lines(text).values())
