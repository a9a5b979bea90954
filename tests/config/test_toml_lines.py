"""Where statements stand, on every form of key that TOML has."""

from __future__ import annotations

import tomllib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ccops.config.lines import Path, line_of, statements

TEXT = '''\
# a comment with [brackets] and "quotes
top = 1
"quoted.key" = 2   # not dotted
a.b . 'c d' = 3
multi = """
[not.a.table]
fake = 1 \\""" still
"""
literal = \'\'\'
[neither]\'\'\'
list = [
  "x]", # ] in a comment
  { y = 1 },
]
quotes = """a"""""
inline = { one = { two = 2 } }

[table]
key = "#not a comment"
[table.sub]
[[array]]
name = "first"
[[array]]
name = "second"
[array.sub]
deep = 1
[[array.inner]]
z = 1
[[array.inner]]
z = 2
'''


@pytest.mark.parametrize(
    ("path", "line"),
    [
        (("top",), 2),
        (("quoted.key",), 3),
        (("a", "b", "c d"), 4),
        (("a",), 4),
        (("multi",), 5),
        (("literal",), 9),
        (("list",), 11),
        (("list", 1, "y"), 11),
        (("quotes",), 15),
        (("inline", "one", "two"), 16),
        (("table", "key"), 19),
        (("table", "sub"), 20),
        (("table", "missing"), 18),
        (("array",), 21),
        (("array", 0, "name"), 22),
        (("array", 1), 23),
        (("array", 1, "name"), 24),
        (("array", 1, "sub", "deep"), 26),
        (("array", 1, "inner", 0, "z"), 28),
        (("array", 1, "inner", 1, "z"), 30),
        (("fake",), 1),
        (("not",), 1),
        ((), 1),
    ],
)
def test_every_key_has_its_line(path: Path, line: int) -> None:
    tomllib.loads(TEXT)
    assert line_of(TEXT, path) == line


def test_statements_know_where_they_end() -> None:
    ends = {s.path: (s.first, s.last) for s in statements(TEXT) if s.kind == "key"}
    assert ends["multi",] == (5, 8)
    assert ends["literal",] == (9, 10)
    assert ends["list",] == (11, 14)
    assert ends["quotes",] == (15, 15)


@given(st.text(alphabet="ab=.[]{}\"'#\\\n \r,1", max_size=60))
def test_any_text_gives_statements_within_it(text: str) -> None:
    for statement in statements(text):
        assert 1 <= statement.first <= statement.last <= text.count("\n") + 1


_KEYS = st.text(alphabet='abc-_ ."\\#[]=é', min_size=1, max_size=5)
_VALUES = st.recursive(
    st.integers(0, 9) | st.text(alphabet="ab\"'\\#[]{}=\n", max_size=6),
    lambda inner: st.lists(inner, max_size=2),
    max_leaves=4,
)


@given(st.dictionaries(_KEYS, st.dictionaries(_KEYS, _VALUES, max_size=3), max_size=3), st.booleans())
def test_finds_every_key_of_a_written_file(tables: dict[str, dict[str, object]], spread: bool) -> None:
    lines: list[str] = []
    expected: dict[Path, int] = {}
    for table, keys in tables.items():
        lines.append(f"[{_basic(table)}] # ]")
        expected[table,] = len(lines)
        for key, value in keys.items():
            expected[table, key] = len(lines) + 1
            lines.extend(f"{_basic(key)} = {_value(value, spread)} # = [".split("\n"))
    text = "\n".join(lines)
    assert tomllib.loads(text) == tables
    assert {path: line_of(text, path) for path in expected} == expected


def _basic(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'


def _value(value: object, spread: bool) -> str:
    if isinstance(value, list):
        gap = "\n" if spread else ""
        return f"[{gap}" + f",{gap}".join(_value(item, spread) for item in value) + f"{gap}]"
    if isinstance(value, str) and spread:
        return '"""\n' + value.replace("\\", "\\\\").replace('"', '\\"') + '"""'
    return _basic(value) if isinstance(value, str) else str(value)
