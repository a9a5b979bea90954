"""The user of ECCP that is printed: one that the dialer lets in, and what is shipped told of."""

from __future__ import annotations

import hashlib
import re
import sqlite3

from click.testing import CliRunner

from ccops.cli import main
from ccops.setup.eccpuser import statements


def test_the_statements_make_a_user_that_is_let_in() -> None:
    secrets = iter(["first_Secret-1", "other_Secret-2"])
    text = statements(lambda: next(secrets))
    found = sqlite3.connect(":memory:")
    found.create_function("MD5", 1, lambda told: hashlib.md5(told.encode()).hexdigest())
    found.execute("ATTACH ':memory:' AS call_center")
    found.execute("CREATE TABLE call_center.eccp_authorized_clients (username, md5_password)")
    shipped = hashlib.md5(b"agentconsole").hexdigest()
    found.execute("INSERT INTO call_center.eccp_authorized_clients VALUES ('agentconsole', ?)", (shipped,))
    for _ in range(2):  # typed twice it is one user
        found.executescript(text)
    rows = dict(found.execute("SELECT username, md5_password FROM call_center.eccp_authorized_clients"))
    assert rows == {"ccops": hashlib.md5(b"first_Secret-1").hexdigest(), "agentconsole": shipped}
    assert len(list(found.execute("SELECT 1 FROM call_center.eccp_authorized_clients"))) == 2
    found.executescript(re.sub(r"^-- (?=UPDATE|  WHERE)", "", text, flags=re.M))
    rows = dict(found.execute("SELECT username, md5_password FROM call_center.eccp_authorized_clients"))
    assert rows["agentconsole"] == hashlib.md5(b"other_Secret-2").hexdigest()


def test_it_is_printed_with_a_secret_of_its_own() -> None:
    first, second = (CliRunner().invoke(main, ["amiuser", "--eccp"]) for _ in range(2))
    assert first.exit_code == 0
    assert "[pairs.NAME.eccp]" in first.output
    assert "manager.conf" not in first.output
    found = [re.search(r"the password: (\S+)", each.output) for each in (first, second)]
    assert found[0]
    assert found[1]
    assert found[0][1] != found[1][1]
    assert re.fullmatch(r"[A-Za-z0-9_-]{24,}", found[0][1])
