"""agents.conf in both formats: who is in it, one more, one less, and everything else as it was."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ccops.pbx.agents_conf import added, has_sections, numbers, removed

LINES = """; made by hand
[general]
persistentagents=yes

[agents]
musiconhold => default
agent => 9000,1234,Ana Torres
 agent=>9001 , 77,Luis
;agent => 9002,1,Nobody
agent => 9003
"""
SECTIONS = """[general]

[agent-defaults](!)
autologoff=0

[9000](agent-defaults)
fullname=Ana Torres

[9001]
fullname=Luis
custom_beep=x
"""


@pytest.mark.parametrize(
    ("version", "sections"),
    [("1.4.44", False), ("1.8.32.3", False), ("11.25.0", False), ("12.0.0", True), ("16.28.0", True),
     ("22.1.0", True), (None, False), ("GIT-master", False)],
)  # fmt: skip
def test_which_asterisk_reads_what(version: str | None, sections: bool) -> None:
    assert has_sections(version) is sections


def test_who_is_in_it() -> None:
    assert numbers(LINES) == {"9000", "9001", "9003"}
    assert numbers(SECTIONS) == {"9000", "9001"}
    assert numbers("") == frozenset()


def test_one_more() -> None:
    assert added(LINES, "9005", "88", "Eva", sections=False) == f"{LINES}agent => 9005,88,Eva\n"
    assert added("x", "9005", "88", "Eva", sections=False) == "x\nagent => 9005,88,Eva\n"
    assert added(SECTIONS, "9005", "88", "Eva", sections=True).endswith("\n\n[9005](agent-defaults)\nfullname=Eva\n")
    assert added("", "9005", "88", "Eva", sections=True) == "\n[9005]\nfullname=Eva\n"


def test_one_less() -> None:
    assert removed(LINES, "9001") == LINES.replace(" agent=>9001 , 77,Luis\n", "")
    assert removed(LINES, "9002") == LINES, "what is commented out stays"
    assert removed(LINES, "900") == LINES
    assert removed(SECTIONS, "9000") == SECTIONS.replace("[9000](agent-defaults)\nfullname=Ana Torres\n\n", "")
    assert removed(SECTIONS, "9001") == SECTIONS[: SECTIONS.index("[9001]")].rstrip("\n") + "\n"


@given(st.text(max_size=80), st.booleans())
def test_what_was_added_is_there_and_can_be_taken_out(text: str, sections: bool) -> None:
    before = numbers(text)
    after = added(text, "9876", "12", "Ana", sections)
    assert numbers(after) == before | {"9876"}
    assert after.startswith(text)
    assert "9876" not in numbers(removed(after, "9876"))
