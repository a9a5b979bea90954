"""What a MySQL user may write, by SHOW GRANTS of MySQL 5.0 to 9 and MariaDB."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ccops.operations.grants import grant, may

USAGE = "GRANT USAGE ON *.* TO 'ccops'@'localhost'"


@pytest.mark.parametrize(
    ("lines", "answer"),
    [
        (["GRANT ALL PRIVILEGES ON *.* TO 'root'@'localhost' WITH GRANT OPTION"], True),
        ([USAGE, "GRANT SELECT, UPDATE ON `call_center`.* TO 'ccops'@'localhost'"], True),
        ([USAGE, "GRANT SELECT, UPDATE ON `call\\_center`.* TO `ccops`@`localhost`"], True),
        ([USAGE, "GRANT SELECT, INSERT, UPDATE ON `call%`.* TO `ccops`@`%`"], True),
        ([USAGE, "GRANT UPDATE (estatus) ON `call_center`.`campaign` TO 'ccops'@'localhost'"], True),
        ([USAGE, "GRANT SELECT, UPDATE (`name`, `estatus`) ON `call_center`.`campaign` TO `ccops`@`localhost`"], True),
        ([USAGE, "GRANT UPDATE ON call_center.campaign TO 'ccops'@'localhost'"], True),
        ([USAGE], False),
        ([USAGE, "GRANT SELECT ON `call_center`.* TO 'ccops'@'localhost'"], False),
        ([USAGE, "GRANT UPDATE (name) ON `call_center`.`campaign` TO 'ccops'@'localhost'"], False),
        ([USAGE, "GRANT UPDATE ON `call_center`.`break` TO 'ccops'@'localhost'"], False),
        ([USAGE, "GRANT UPDATE ON `asterisk`.* TO 'ccops'@'localhost'"], False),
        ([USAGE, "GRANT UPDATE ON `callXcenter`.* TO 'ccops'@'localhost'"], False),
        ([USAGE, "GRANT `operators`@`%` TO `ccops`@`localhost`"], None),
        (None, None),
    ],
)
def test_lines(lines: list[str] | None, answer: bool | None) -> None:
    assert may(lines, "UPDATE", "campaign", ("estatus",)) is answer


def test_columns_add_up_and_an_insert_needs_the_table() -> None:
    two = [f"GRANT UPDATE ({name}) ON `call_center`.`break` TO `c`@`h`" for name in ("name", "description")]
    assert may(two, "UPDATE", "break", ("name", "description"))
    assert may(two[:1], "UPDATE", "break", ("name", "description")) is False
    assert may(["GRANT INSERT (name) ON `call_center`.`break` TO `c`@`h`"], "INSERT", "break") is False


def test_what_to_grant() -> None:
    assert grant("UPDATE", "campaign", ("estatus",), "ccops@localhost") == (
        "GRANT UPDATE (estatus) ON call_center.campaign TO 'ccops'@'localhost'"
    )
    assert (
        grant("INSERT, DELETE", "break", (), "ccops@%") == "GRANT INSERT, DELETE ON call_center.`break` TO 'ccops'@'%'"
    )
    assert grant("UPDATE", "agent", (), "").endswith("TO ''@'localhost'")


@given(st.lists(st.text(max_size=60), max_size=4))
def test_any_lines_give_an_answer(lines: list[str]) -> None:
    assert may([*lines, *(f"GRANT {line} ON {line}.{line} TO x" for line in lines)], "UPDATE", "campaign") in (
        True, False, None,
    )  # fmt: skip
