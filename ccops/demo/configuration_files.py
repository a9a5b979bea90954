"""A simulated node's configuration files: Heartbeat, DRBD. Asterisk's lie on the volume (`asterisk_files`)."""

from __future__ import annotations

from ccops.demo.configuration import Configuration
from ccops.demo.machine import HOSTS, NAMES


def configuration_files(n: int, configuration: Configuration) -> dict[str, str]:
    """Their texts by path."""
    failback = f"auto_failback {configuration.auto_failback}\n" if configuration.auto_failback else ""
    return {
        "etc/ha.d/ha.cf": (
            "logfile /var/log/ha-log\nlogfacility local0\nkeepalive 1\nwarntime 5\ndeadtime 12\ninitdead 30\n"
            f"ucast eth0 {HOSTS[1 - n]}\nudpport 694\n{failback}"
            f"node {NAMES[0]}\nnode {NAMES[1]}\n"
        ),
        "etc/ha.d/haresources": (
            f"{NAMES[0]} IPaddr2::192.168.27.120/24 drbddisk::data Filesystem::/dev/drbd1::/data::ext3 "
            "asterisk mysqld\n"
        ),
        "etc/ha.d/authkeys": "auth 3\n3 md5 password\n",
        "etc/drbd.conf": 'include "drbd.d/global_common.conf";\ninclude "drbd.d/*.res";\n',
        "etc/drbd.d/data.res": (
            "resource data {\n  protocol C;\n"
            "  startup { wfc-timeout 5; degr-wfc-timeout 5; outdated-wfc-timeout 5; }\n"
            '  net { cram-hmac-alg sha1; shared-secret "demo"; ping-timeout 20; }\n'
            f"  syncer {{ rate {configuration.rate}; {_verify(configuration, ' ')}}}\n"
            "  device /dev/drbd1;\n  disk /dev/vdb1;\n  meta-disk /dev/vdb2[0];\n"
            f"  on {NAMES[0]}   {{ address {HOSTS[0]}:7789; }}\n  on {NAMES[1]} {{ address {HOSTS[1]}:7789; }}\n}}\n"
        ),
    }


def _verify(configuration: Configuration, end: str) -> str:
    return f"verify-alg {configuration.verify_alg};{end}" if configuration.verify_alg else ""
