"""Folders that look like two kinds of servers to the inspection, with a secret wherever one can stand."""

from __future__ import annotations

import asyncio
import os
import re
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path

import msgspec

SECRET = "k33p-th1s"
"""Every secret in the folders holds this."""

_LAB = {
    "etc/os-release": 'NAME="Debian GNU/Linux"\nPRETTY_NAME="Debian GNU/Linux 11 (bullseye)"\n',
    "etc/debian_version": "11.11\n",
    "etc/group": "root:x:0:\nadm:x:4:admin\nhaclient:x:110:\nsystemd-journal:x:101:\nasterisk:x:111:\n",
    "etc/drbd.conf": 'include "drbd.d/global_common.conf";\ninclude "drbd.d/*.res";\n',
    "etc/drbd.d/global_common.conf": "global { usage-count no; }\ncommon { net { } }\n",
    "etc/drbd.d/data.res": f"""\
resource data {{
  protocol C;
  net {{ cram-hmac-alg sha1; shared-secret "{SECRET}"; ping-timeout 20; }}
  # shared-secret "{SECRET} old";
  syncer {{ rate 8M; verify-alg crc32c; }}
  device /dev/drbd1;
  disk /dev/vdb1;
  meta-disk /dev/vdb2[0];
  on elaxtix-voip   {{ address 192.168.27.121:7789; }}
  on elaxtix-voip-2 {{ address 192.168.27.122:7789; }}
}}
""",
    "proc/drbd": "version: 8.4.11 (api:1/proto:86-101)\nsrcversion: 07B2B73308F5B02A759D097\n\n"
    " 1: cs:Connected ro:Primary/Secondary ds:UpToDate/UpToDate C r-----\n"
    "    ns:4 nr:0 dw:4 dr:4 al:1 bm:0 lo:0 pe:0 ua:0 ap:0 ep:1 wo:f oos:0\n",
    "etc/ha.d/ha.cf": f"""\
logfile /var/log/ha-log
logfacility local0
keepalive 1
warntime 5
deadtime 12
initdead 30
ucast eth0 192.168.27.122
udpport 694
auto_failback on
node elaxtix-voip
node elaxtix-voip-2
stonith_host * apcmaster 10.0.0.9 apc {SECRET}
""",
    "etc/ha.d/haresources": "# the service\nelaxtix-voip IPaddr2::192.168.27.120/24 drbddisk::data "
    "Filesystem::/dev/drbd1::/data::ext3 asterisk mysqld\n",
    "etc/ha.d/authkeys": f"auth 3\n3 md5 {SECRET}\n",
    "etc/ha.d/resource.d/asterisk": "#!/bin/sh\n",
    "etc/ha.d/resource.d/mysqld": "#!/bin/sh\n",
    "etc/asterisk/manager.conf": f"""\
[general]
enabled = yes
port = 5038
bindaddr = 0.0.0.0
;-- not in use:
[ghost]
secret = {SECRET} ghost
read = all
--;
[ccops]
secret = {SECRET}
read = system,call,agent,reporting
write = reporting
[admin](!)
secret => {SECRET} ; {SECRET}
 Secret={SECRET}
md5secret = {SECRET}
setvar = TOKEN={SECRET}
read = all
write = all
""",
    "etc/mysql/mariadb.conf.d/99-lab.cnf": f"""\
[client]
password = {SECRET}
socket = /client.sock
[mysqld]
datadir = /data/mysql/data
bind-address = 0.0.0.0
socket = /run/mysqld/mysqld.sock
init-connect = "SET PASSWORD = '{SECRET}'"
""",
    "data/mysql/data/call_center/db.opt": "",
    "etc/init.d/heartbeat": "#!/bin/sh\n",
    "etc/init.d/drbd": "#!/bin/sh\n",
    "lib/systemd/system/asterisk.service": "[Unit]\n",
    "lib/systemd/system/mariadb.service": "[Unit]\n",
    "lib/systemd/system/heartbeat.service": "[Unit]\n",
    "var/log/ha-log": "heartbeat: info\n",
    "var/log/kern.log": "kernel: drbd\n",
}
_LAB_PROGRAMS = {
    "usr/bin/uname": 'case $1 in -n) echo elaxtix-voip;; *) echo "Linux 5.10.0-32-amd64";; esac',
    "usr/bin/id": "case $1 in -u) echo 1000;; -un) echo admin;; -Gn) echo admin adm;; esac",
    "usr/bin/cl_status": 'echo "Heartbeat is running on this machine."',
    "usr/sbin/drbdadm": "printf '%s\n' DRBDADM_API_VERSION=1 DRBDADM_VERSION_CODE=0x090f00 DRBDADM_VERSION=9.15.0",
    "usr/sbin/asterisk": 'echo "Asterisk 16.28.0~dfsg-0+deb11u4"',
    "usr/sbin/mariadbd": 'echo "mariadbd  Ver 10.5.29-MariaDB-0+deb11u1 for debian-linux-gnu on x86_64"',
    "usr/lib/heartbeat/heartbeat": 'echo "3.0.6"',
    "usr/share/heartbeat/hb_standby": "exit 1",
    "usr/share/heartbeat/hb_takeover": "exit 1",
    "usr/bin/systemctl": "exit 0",
    "usr/bin/journalctl": 'echo "No journal files were opened due to insufficient permissions." >&2; exit 1',
    "usr/bin/sudo": 'case $1 in -V) echo "Sudo version 1.9.5p2";; '
    '*) echo "User admin may run the following commands on elaxtix-voip:"; '
    'echo "    (root) NOPASSWD: /usr/bin/cl_status hbstatus, /usr/sbin/drbdadm get-gi data";; esac',
}

_ELASTIX = {
    "etc/redhat-release": "CentOS release 5.5 (Final)\n",
    "etc/group": "root:x:0:\nadm:x:4:\nhaclient:x:101:\nasterisk:x:102:\nmysql:x:27:\n",
    "etc/drbd.conf": f"""\
# the volume of the call centre
global {{ usage-count no; }}
common {{ syncer {{ rate 10M; }} }}
resource data {{
  protocol C;
  net {{
    cram-hmac-alg sha1;
    shared-secret
      "{SECRET};#{SECRET}";
    after-sb-0pri disconnect;
  }}
  on elaxtix-voip {{
    device /dev/drbd1;
    disk /dev/sdb1;
    address 192.168.27.121:7788;
    meta-disk /dev/sdb2[0];
  }}
  on elaxtix-voip-2 {{
    device /dev/drbd1;
    disk /dev/sdb1;
    address 192.168.27.122:7788;
    meta-disk /dev/sdb2[0];
  }}
}}
""",
    "proc/drbd": "version: 8.0.16 (api:86/proto:86)\nGIT-hash: d30881451c988619e243d6294a899139eed1183d\n\n"
    " 1: cs:Connected st:Secondary/Primary ds:UpToDate/UpToDate C r---\n"
    "    ns:0 nr:9 dw:9 dr:0 al:0 bm:2 lo:0 pe:0 ua:0 ap:0\n",
    "etc/ha.d/ha.cf": """\
Logfile /var/log/ha-log
logfacility local0
keepalive 2
deadtime 30
initdead 120
ucast eth0 192.168.27.121
udpport 694
node elaxtix-voip
node elaxtix-voip-2
""",
    "etc/ha.d/haresources": "elaxtix-voip 192.168.27.120 drbddisk::data \\\n"
    "  Filesystem::/dev/drbd1::/data::ext3 asterisk mysqld\n",
    "etc/ha.d/authkeys": f"auth 3\n3 md5 {SECRET}\n",
    "etc/my.cnf": f"""\
[mysqld]
datadir=/data/mysql/data
socket=/var/lib/mysql/mysql.sock
old_passwords=1
[mysql]
password={SECRET}
""",
    "etc/asterisk/manager.conf": f"""\
[general]
enabled = yes
port = 5038
bindaddr = 127.0.0.1
displayconnects=no
[admin]
secret = {SECRET}
deny=0.0.0.0/0.0.0.0
permit=127.0.0.1/255.255.255.0
read = system,call,log,verbose,command,agent,user,config,command,dtmf,reporting,cdr,dialplan,originate
write = system,call,log,verbose,command,agent,user,config,command,dtmf,reporting,cdr,dialplan,originate
#include manager_additional.conf
#include manager_custom.conf
""",
    "etc/asterisk/manager_additional.conf": "",
    "etc/asterisk/manager_custom.conf": f"[watch]\nsecret = {SECRET}\nread = system,call,agent\nwrite =\n",
    "etc/init.d/asterisk": "#!/bin/sh\n",
    "etc/init.d/mysqld": "#!/bin/sh\n",
    "etc/init.d/heartbeat": "#!/bin/sh\n",
    "etc/init.d/drbd": "#!/bin/sh\n",
    "var/log/ha-log": "heartbeat[1]: info\n",
    "var/log/messages": "kernel: drbd1\n",
}
_ELASTIX_PROGRAMS = {
    "bin/uname": 'case $1 in -n) echo elaxtix-voip-2;; *) echo "Linux 2.6.18-194.3.1.el5";; esac',
    "usr/bin/id": "case $1 in -u) echo 0;; -un) echo root;; -Gn) echo root bin daemon;; esac",
    "usr/bin/cl_status": 'echo "Heartbeat is stopped on this machine."; exit 1',
    "sbin/drbdadm": 'echo "drbdadm: unrecognized option \\`--version\'" >&2; exit 20',
    "sbin/service": "exit 0",
    "usr/sbin/asterisk": 'echo "Asterisk 1.4.33.1"',
    "usr/libexec/mysqld": 'echo "/usr/libexec/mysqld  Ver 5.0.77 for redhat-linux-gnu on i686 (Source distribution)"',
    "usr/bin/rpm": "echo 2.1.3",
    "usr/lib/heartbeat/hb_standby": "exit 1",
    "usr/lib/heartbeat/hb_takeover": "exit 1",
    "usr/bin/sudo": "[ $1 = -V ] && echo 'Sudo version 1.6.9p17' || { echo 'sudo: invalid option -n' >&2; exit 1; }",
}


def lab(root: Path) -> Path:
    """A node of Debian 11: DRBD 8.4, Heartbeat 3, Asterisk 16, MariaDB; logged in as admin; it serves."""
    _write(root, _LAB, _LAB_PROGRAMS)
    (root / "etc/ha.d/authkeys").chmod(0o600)
    units = root / "etc/systemd/system"
    units.mkdir(parents=True)
    (units / "mysqld.service").symlink_to("/lib/systemd/system/mariadb.service")
    (units / "mysql.service").symlink_to("/dev/null")
    return root


def elastix(root: Path) -> Path:
    """A node of CentOS 5: DRBD 8.0, Heartbeat 2, Asterisk 1.4, MySQL 5.0; logged in as root; it stands by."""
    _write(root, _ELASTIX, _ELASTIX_PROGRAMS)
    (root / "etc/ha.d/authkeys").chmod(0o644)
    return root


def rename(root: Path, name: str) -> None:
    """Gives the server another name."""
    program = next(path for path in (root / "usr/bin/uname", root / "bin/uname") if path.exists())
    program.write_text(re.sub(r"elaxtix-voip(-2)?", name, program.read_text()))


def _write(root: Path, files: Mapping[str, str], programs: Mapping[str, str]) -> None:
    for path, text in files.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text)
    for path, body in programs.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(f"#!/bin/sh\n{body}\n")
        (root / path).chmod(0o755)


class Done(msgspec.Struct):
    """A finished command."""

    stdout: bytes
    stderr: bytes
    exit_status: int | None


class FolderRunner:
    """Runs on this machine what would run on the node, for a folder that stands for it, in a shell of choice."""

    def __init__(self, root: Path, shell: Sequence[str] = ("/bin/sh",), path: str | None = None) -> None:
        self.root, self.shell, self.path = root, shell, path
        self.output = b""

    async def run(self, argv: Sequence[str], *, timeout_s: float, input: bytes | None = None) -> Done:
        assert list(argv) == ["/bin/sh", "-s"]
        process = await asyncio.create_subprocess_exec(
            *self.shell,
            "-s",
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env={"CCOPS_ROOT": str(self.root), "PATH": self.path or os.environ["PATH"]},
        )
        async with asyncio.timeout(timeout_s):
            stdout, stderr = await process.communicate(input)
        self.output = stdout + stderr
        return Done(stdout, stderr, process.returncode)


def busybox_path(folder: Path) -> str | None:
    """A search path on which every tool is busybox; None when there is no busybox."""
    busybox = shutil.which("busybox")
    if busybox is None:
        return None
    folder.mkdir()
    for tool in ("sed", "awk", "ls", "cat", "readlink", "sh", "printf", "true", "tr", "head"):
        (folder / tool).symlink_to(busybox)
    return str(folder)
