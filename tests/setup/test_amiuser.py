"""The manager users: no more rights than a role takes, on each version, from the node alone."""

from __future__ import annotations

import configparser

import pytest
from click.testing import CliRunner

from ccops.cli import main
from ccops.setup.amiuser import ROLES, sections


def rights(role: str, version: tuple[int, int]) -> dict[str, tuple[str, str]]:
    found = configparser.ConfigParser(interpolation=None, comment_prefixes=(";",))
    found.read_string(sections(role, version, lambda: "s3cret"))
    for name in found.sections():
        assert found[name]["permit"] == "127.0.0.1/255.255.255.255"
        assert found[name]["deny"] == "0.0.0.0/0.0.0.0"
    return {name: (found[name].get("read", ""), found[name].get("write", "")) for name in found.sections()}


def test_each_role_has_what_it_takes() -> None:
    watching = {"ccops": ("system,call,agent,reporting", "reporting")}
    acting = {"ccops-control": ("", "agent,call,originate")}
    assert rights("viewer", (16, 28)) == watching
    assert rights("supervisor", (1, 8)) == watching | acting
    assert rights("administrator", (22, 0)) == watching | acting


def test_asterisk_1_4_knows_fewer_classes() -> None:
    assert rights("supervisor", (1, 4)) == {"ccops": ("system,call,agent", ""), "ccops-control": ("", "agent,call")}


@pytest.mark.parametrize("role", ROLES)
def test_it_is_printed_with_secrets_of_its_own(role: str) -> None:
    first, second = (CliRunner().invoke(main, ["amiuser", "--role", role]).output for _ in range(2))
    secrets = [line for line in first.splitlines() + second.splitlines() if line.startswith("secret = ")]
    assert len(set(secrets)) == len(secrets)
    assert all(len(line) > 24 for line in secrets)


def test_a_version_is_asked_for_as_one() -> None:
    assert CliRunner().invoke(main, ["amiuser", "--asterisk", "new"]).exit_code == 2
