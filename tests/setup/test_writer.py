"""Pairs put into a settings file that people also edit by hand."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from ccops.config import ConfigError, load, parse
from ccops.setup.writer import merge, write_config

PAIR = """\
[pairs.{name}]
address = "{address}"

[[pairs.{name}.nodes]]
name = "a"
ssh = "admin@h1"

[[pairs.{name}.nodes]]
name = "b"
ssh = "admin@h2"
"""
HAND_MADE = """\
# our consoles
[console]
theme = "dark"   # the night shift wants it so

# the old exchange
[pairs.old]
address = "10.0.0.1" # by hand
# its nodes
nodes = [
  { name = "a", ssh = "admin@h1" },
  { name = "b", ssh = "admin@h2" },
]
[pairs.old.ami]
user = "ccops"
secret = { env = "S" }

# keys of the night shift
[console.keys]
"view.queues" = "f2"
"""


def pair(name: str, address: str = "10.0.0.2") -> str:
    return PAIR.format(name=name, address=address)


def test_a_new_file_is_private_from_the_first_byte(tmp_path: Path) -> None:
    path = tmp_path / "new" / "ccops.toml"
    assert write_config(path, pair("lab")) is None
    assert load(path).pairs["lab"].address == "10.0.0.2"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert [entry.name for entry in path.parent.iterdir()] == ["ccops.toml"]


def test_a_pair_is_added_behind_what_is_there(tmp_path: Path) -> None:
    path = tmp_path / "ccops.toml"
    path.write_text(HAND_MADE)
    path.chmod(0o644)
    backup = write_config(path, pair("lab"))
    assert path.read_text() == HAND_MADE + "\n" + pair("lab")
    assert backup == tmp_path / "ccops.toml.bak"
    assert backup.read_text() == HAND_MADE
    assert stat.S_IMODE(path.stat().st_mode) == stat.S_IMODE(backup.stat().st_mode) == 0o600
    assert set(load(path).pairs) == {"old", "lab"}


def test_a_pair_of_that_name_is_not_overwritten(tmp_path: Path) -> None:
    path = tmp_path / "ccops.toml"
    path.write_text(HAND_MADE)
    with pytest.raises(ConfigError, match='expected no pair "old", found one; choose another name, or replace it'):
        write_config(path, pair("old"))
    assert path.read_text() == HAND_MADE
    assert [entry.name for entry in tmp_path.iterdir()] == ["ccops.toml"]


def test_replacing_touches_only_that_pair() -> None:
    merged = merge(HAND_MADE + pair("other", "10.0.0.3"), pair("old"), None, replace=True)
    settings = parse(merged, None)
    assert settings.pairs["old"].address == "10.0.0.2"
    assert settings.pairs["old"].ami is None
    assert settings.pairs["other"].address == "10.0.0.3"
    assert settings.console.keys == {"view.queues": "f2"}
    for kept in ("# our consoles", "# the night shift wants it so", "# keys of the night shift"):
        assert kept in merged
    assert "# its nodes" not in merged


@pytest.mark.parametrize(
    "old",
    [
        'pairs.old.address = "10.0.0.1"\npairs.old.nodes = [{name="a", ssh="h1"}, {name="b", ssh="h2"}]\n',
        '[pairs]\nold = { address = "10.0.0.1", nodes = [{name="a", ssh="h1"}, {name="b", ssh="h2"}] }\n',
        '["pairs"."old"]\naddress = "10.0.0.1"\nnodes = [{name="a", ssh="h1"},\n {name="b", ssh="h2"}]',
    ],
)
def test_other_ways_of_writing_a_pair_can_be_replaced(old: str) -> None:
    if old.startswith("pairs"):  # then TOML lets nothing be added to `pairs.old` … but to `pairs` it does
        assert parse(merge(old, pair("lab"), None), None).pairs.keys() == {"old", "lab"}
    assert parse(merge(old, pair("old"), None, replace=True), None).pairs["old"].address == "10.0.0.2"


def test_a_file_that_cannot_take_a_table_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "ccops.toml"
    text = 'pairs = { old = { address = "10.0.0.1", nodes = [{name="a", ssh="h1"}, {name="b", ssh="h2"}] } }\n'
    path.write_text(text)
    with pytest.raises(ConfigError, match=r"expected each pair in tables of its own, \[pairs\.NAME\]"):
        write_config(path, pair("lab"))
    assert path.read_text() == text


def test_a_file_that_is_wrong_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "ccops.toml"
    for text, message in (("[console\n", "line 1.*expected TOML"), ("[console]\nbel = 1\n", 'line 2, .*"bell"')):
        path.write_text(text)
        with pytest.raises(ConfigError, match=message):
            write_config(path, pair("lab"))
        assert path.read_text() == text


def test_a_pair_that_is_wrong_is_not_written(tmp_path: Path) -> None:
    path = tmp_path / "ccops.toml"
    with pytest.raises(ConfigError, match=r"pairs\.lab\.address: expected the virtual IP address"):
        write_config(path, pair("lab", "nowhere"))
    assert not path.exists()


def test_a_link_stays_a_link(tmp_path: Path) -> None:
    (tmp_path / "repository").mkdir()
    real = tmp_path / "repository" / "real.toml"
    real.write_text("")
    link = tmp_path / "ccops.toml"
    link.symlink_to(real)
    write_config(link, pair("lab"))
    assert link.is_symlink()
    assert "lab" in load(real).pairs


def test_a_place_that_cannot_be_written_is_an_error_in_words(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigError, match="expected to be able to write it, found: "):
        write_config(tmp_path / "file" / "ccops.toml", pair("lab"))
