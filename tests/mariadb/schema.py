"""The call-center module's tables as far as reports read them, as three installations have them.

`elastix` is Elastix 2.x with the indexes of 2014, `old` the same before them (and before agent types), `issabel` is
Issabel 4 after an upgrade whose `datetime_entry_queue` is an index on another column.
"""

from __future__ import annotations

from typing import Literal

Kind = Literal["elastix", "old", "issabel"]
KINDS: tuple[Kind, ...] = ("elastix", "old", "issabel")


def statements(kind: Kind) -> list[str]:
    """What creates an empty call_center."""
    agent_type = "" if kind == "old" else "type ENUM('Agent','SIP','IAX2') NOT NULL DEFAULT 'Agent',"
    trunk = "" if kind == "old" else ", trunk VARCHAR(20) NOT NULL DEFAULT ''"
    entry_keys = {
        "elastix": ", KEY datetime_init (datetime_init), KEY datetime_entry_queue (datetime_entry_queue)",
        "old": "",
        "issabel": ", KEY datetime_init (datetime_init), KEY datetime_entry_queue (datetime_init)",
    }[kind]
    call_keys = {
        "elastix": ", KEY datetime_init (start_time), KEY datetime_entry_queue (datetime_entry_queue)",
        "old": "",
        "issabel": ", KEY datetime_init (start_time), KEY datetime_entry_queue (start_time)",
    }[kind]
    audit_keys = "" if kind == "old" else ", KEY agent_break_datetime (id_agent, id_break, datetime_init)"
    owner = "id_list INT UNSIGNED NOT NULL" if kind == "issabel" else "id_campaign INT UNSIGNED NOT NULL"
    lists = (
        ["CREATE TABLE campaign_lists (id INT UNSIGNED AUTO_INCREMENT PRIMARY KEY, id_campaign INT UNSIGNED NOT NULL)"]
        if kind == "issabel"
        else []
    )
    return [
        "DROP DATABASE IF EXISTS call_center",
        "CREATE DATABASE call_center DEFAULT CHARSET utf8",
        "USE call_center",
        f"CREATE TABLE agent (id INT UNSIGNED AUTO_INCREMENT PRIMARY KEY, {agent_type} number VARCHAR(40) NOT NULL,"
        " name VARCHAR(250) NOT NULL, estatus ENUM('A','I') DEFAULT 'A')",
        "CREATE TABLE `break` (id INT UNSIGNED AUTO_INCREMENT PRIMARY KEY, name VARCHAR(250) NOT NULL,"
        " status VARCHAR(1) NOT NULL DEFAULT 'A', tipo ENUM('B','H') DEFAULT 'B')",
        "CREATE TABLE audit (id INT UNSIGNED AUTO_INCREMENT PRIMARY KEY, id_agent INT UNSIGNED NOT NULL,"
        " id_break INT UNSIGNED, datetime_init DATETIME NOT NULL, datetime_end DATETIME, duration TIME,"
        f" KEY id_agent (id_agent), KEY id_break (id_break){audit_keys})",
        "CREATE TABLE queue_call_entry (id INT UNSIGNED AUTO_INCREMENT PRIMARY KEY, queue VARCHAR(50))",
        "CREATE TABLE call_entry (id INT UNSIGNED AUTO_INCREMENT PRIMARY KEY, id_agent INT UNSIGNED,"
        " id_queue_call_entry INT UNSIGNED NOT NULL, callerid VARCHAR(40) NOT NULL, datetime_init DATETIME,"
        " datetime_end DATETIME, duration INT UNSIGNED, status VARCHAR(32), datetime_entry_queue DATETIME,"
        f" duration_wait INT, uniqueid VARCHAR(32){trunk}, KEY id_agent (id_agent),"
        f" KEY id_queue_call_entry (id_queue_call_entry){entry_keys})",
        "CREATE TABLE campaign (id INT UNSIGNED AUTO_INCREMENT PRIMARY KEY, name VARCHAR(64), queue VARCHAR(16))",
        *lists,
        f"CREATE TABLE calls (id INT UNSIGNED AUTO_INCREMENT PRIMARY KEY, {owner}, phone VARCHAR(32) NOT NULL,"
        " status VARCHAR(32), uniqueid VARCHAR(32), start_time DATETIME, end_time DATETIME, duration INT UNSIGNED,"
        " id_agent INT UNSIGNED, datetime_entry_queue DATETIME, duration_wait INT, datetime_originate DATETIME"
        f"{trunk}, KEY id_agent (id_agent){call_keys})",
    ]
