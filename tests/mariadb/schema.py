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
    old = kind == "old"
    types = "'Agent','SIP','PJSIP','IAX2'" if kind == "issabel" else "'Agent','SIP','IAX2'"
    agent_type = "" if old else f"type ENUM({types}) NOT NULL DEFAULT 'Agent',"
    eccp = "" if old else ", eccp_password VARCHAR(128)"
    trunk = "" if old else ", trunk VARCHAR(20) NOT NULL DEFAULT ''"
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
    audit_keys = "" if old else ", KEY agent_break_datetime (id_agent, id_break, datetime_init)"
    owner = "id_list" if kind == "issabel" else "id_campaign"
    later = (
        ""
        if old
        else ", dnc INT(1) NOT NULL DEFAULT 0, failure_cause INT UNSIGNED, failure_cause_txt VARCHAR(32),"
        " datetime_originate DATETIME"
    )
    lists = (
        [
            "CREATE TABLE campaign_lists (id INT UNSIGNED AUTO_INCREMENT PRIMARY KEY,"
            " id_campaign INT UNSIGNED NOT NULL, name VARCHAR(255) NOT NULL DEFAULT '',"
            " status TINYINT NOT NULL DEFAULT 2)"
        ]
        if kind == "issabel"
        else []
    )
    log = (
        []
        if old
        else [
            "CREATE TABLE call_progress_log (id INT UNSIGNED AUTO_INCREMENT PRIMARY KEY,"
            " datetime_entry DATETIME NOT NULL, id_campaign_incoming INT UNSIGNED, id_call_incoming INT UNSIGNED,"
            " id_campaign_outgoing INT UNSIGNED, id_call_outgoing INT UNSIGNED, new_status VARCHAR(32) NOT NULL,"
            " retry INT UNSIGNED, uniqueid VARCHAR(32), trunk VARCHAR(20), id_agent INT UNSIGNED,"
            " duration INT UNSIGNED,"
            " KEY out_of (id_campaign_outgoing), KEY in_of (id_campaign_incoming))"
        ]
    )
    schedule = (
        "datetime_init DATE NOT NULL DEFAULT '2020-01-01', datetime_end DATE NOT NULL DEFAULT '2030-12-31',"
        " daytime_init TIME NOT NULL DEFAULT '00:00:00', daytime_end TIME NOT NULL DEFAULT '23:59:59',"
        " estatus VARCHAR(1) NOT NULL DEFAULT 'A', script TEXT"
    )
    return [
        "DROP DATABASE IF EXISTS call_center",
        "CREATE DATABASE call_center DEFAULT CHARSET utf8",
        "USE call_center",
        f"CREATE TABLE agent (id INT UNSIGNED AUTO_INCREMENT PRIMARY KEY, {agent_type} number VARCHAR(40) NOT NULL,"
        " name VARCHAR(250) NOT NULL, password VARCHAR(250) NOT NULL DEFAULT '', estatus ENUM('A','I') DEFAULT 'A'"
        f"{eccp})",
        "CREATE TABLE `break` (id INT UNSIGNED AUTO_INCREMENT PRIMARY KEY, name VARCHAR(250) NOT NULL,"
        " description VARCHAR(250), status VARCHAR(1) NOT NULL DEFAULT 'A', tipo ENUM('B','H') DEFAULT 'B')",
        "CREATE TABLE audit (id INT UNSIGNED AUTO_INCREMENT PRIMARY KEY, id_agent INT UNSIGNED NOT NULL,"
        " id_break INT UNSIGNED, datetime_init DATETIME NOT NULL, datetime_end DATETIME, duration TIME,"
        f" KEY id_agent (id_agent), KEY id_break (id_break){audit_keys})",
        "CREATE TABLE queue_call_entry (id INT UNSIGNED AUTO_INCREMENT PRIMARY KEY, queue VARCHAR(50),"
        " estatus VARCHAR(1) NOT NULL DEFAULT 'A')",
        "CREATE TABLE campaign_entry (id INT UNSIGNED AUTO_INCREMENT PRIMARY KEY, name VARCHAR(64) NOT NULL DEFAULT '',"
        f" id_queue_call_entry INT UNSIGNED NOT NULL, {schedule})",
        "CREATE TABLE call_entry (id INT UNSIGNED AUTO_INCREMENT PRIMARY KEY, id_agent INT UNSIGNED,"
        " id_queue_call_entry INT UNSIGNED NOT NULL, callerid VARCHAR(40) NOT NULL, datetime_init DATETIME,"
        " datetime_end DATETIME, duration INT UNSIGNED, status VARCHAR(32), datetime_entry_queue DATETIME,"
        f" duration_wait INT, uniqueid VARCHAR(32), id_campaign INT UNSIGNED{trunk}, KEY id_agent (id_agent),"
        f" KEY id_queue_call_entry (id_queue_call_entry), KEY id_campaign (id_campaign){entry_keys})",
        "CREATE TABLE campaign (id INT UNSIGNED AUTO_INCREMENT PRIMARY KEY, name VARCHAR(64), queue VARCHAR(16),"
        " retries INT UNSIGNED NOT NULL DEFAULT 1, trunk VARCHAR(255), context VARCHAR(32) NOT NULL DEFAULT '',"
        f" max_canales INT UNSIGNED NOT NULL DEFAULT 0, {schedule})",
        *lists,
        f"CREATE TABLE calls (id INT UNSIGNED AUTO_INCREMENT PRIMARY KEY, {owner} INT UNSIGNED NOT NULL,"
        " phone VARCHAR(32) NOT NULL,"
        " status VARCHAR(32), uniqueid VARCHAR(32), fecha_llamada DATETIME, start_time DATETIME, end_time DATETIME,"
        " retries INT UNSIGNED NOT NULL DEFAULT 0, duration INT UNSIGNED,"
        " id_agent INT UNSIGNED, datetime_entry_queue DATETIME, duration_wait INT"
        f"{later}{trunk}, KEY id_agent (id_agent), KEY id_campaign ({owner}){call_keys})",
        "CREATE TABLE current_calls (id INT UNSIGNED AUTO_INCREMENT PRIMARY KEY, id_call INT UNSIGNED NOT NULL,"
        " fecha_inicio DATETIME NOT NULL, uniqueid VARCHAR(32), queue VARCHAR(16) NOT NULL DEFAULT '',"
        " agentnum VARCHAR(16) NOT NULL, event VARCHAR(32) NOT NULL DEFAULT 'Link', hold ENUM('N','S') DEFAULT 'N')",
        "CREATE TABLE current_call_entry (id INT UNSIGNED AUTO_INCREMENT PRIMARY KEY, id_agent INT UNSIGNED NOT NULL,"
        " id_queue_call_entry INT UNSIGNED NOT NULL, id_call_entry INT UNSIGNED NOT NULL,"
        " callerid VARCHAR(40) NOT NULL, datetime_init DATETIME NOT NULL, hold ENUM('N','S') DEFAULT 'N')",
        *log,
    ]
