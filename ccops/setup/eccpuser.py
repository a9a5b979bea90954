"""The user of ECCP that ccops needs to act on agents of the call-center module, as statements for MySQL.

Source: the table eccp_authorized_clients of the module, which has MD5s of passwords, and its agents' console, which
takes the password of `agentconsole` from that table from 2.2.0-17 on, and before knows only the one it is shipped with.
"""

from __future__ import annotations

from collections.abc import Callable

from ccops.config import SHIPPED_ECCP_USER

USER = "ccops"


def statements(make_secret: Callable[[], str]) -> str:
    """What to type into MySQL on the node that serves, with remarks; ends with a newline.

    `make_secret` gives what needs no quoting: letters, digits, - and _.
    """
    secret, other = make_secret(), make_secret()
    return f"""\
-- Acting on agents of the call-center module, whose dialer undoes what it is not told by ECCP.
-- In ccops.toml: [pairs.NAME.eccp] user = "{USER}"; the password: {secret}
DELETE FROM call_center.eccp_authorized_clients WHERE username = '{USER}';
INSERT INTO call_center.eccp_authorized_clients (username, md5_password) VALUES ('{USER}', MD5('{secret}'));

-- ccops reads whose agents they are, their ECCP passwords and the breaks, as MySQL's user of [pairs.NAME.mysql] or
-- mysql_control, which needs no more than:
-- GRANT SELECT ON call_center.* TO 'ccops'@'localhost';

-- The module is shipped with the user {SHIPPED_ECCP_USER}, whose password is the same, and its dialer listens on all
-- addresses (port 20005): whoever reaches it can pause, log out and hang up everybody's agents. Let the firewall keep
-- that port to the node itself and, with a module from 2.2.0-17 on (of Issabel any), give that user another password,
-- which the agents' console then takes from the table:
-- UPDATE call_center.eccp_authorized_clients SET md5_password = MD5('{other}')
--   WHERE username = '{SHIPPED_ECCP_USER}' AND md5_password = MD5('{SHIPPED_ECCP_USER}');
"""  # noqa: S608 - printed for somebody to read and to type
