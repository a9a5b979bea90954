"""What a node that serves has of extensions and trunks, as an operator reads it."""

from __future__ import annotations

from ccops.config import Secret
from ccops.operations.exchange import Spoken, digest_of
from ccops.operations.pbx_files import FilesExchange, Owned
from ccops.operations.plan import Check, Condition, Plan, Request, Step
from ccops.pair.model import Reading
from ccops.pbx.heard import Dialplan
from ccops.pbx.model import Entry, Extension, Tech, Trunk
from ccops.pbx.owned import OwnedFile
from tests.tui import samples
from tests.tui.fake_operator import unseen

SECRET = "kR7pw2mNx4"
ENTRIES: tuple[Entry, ...] = (
    Extension("200", "Ana Lucía", Secret(SECRET)),
    Extension("201", "Eva", Secret(SECRET), disabled=True),
    Trunk("gw2", host="192.168.27.131", channels="8"),
)


def exchange(*entries: Entry, loaded: tuple[Tech, ...] = ("sip",)) -> FilesExchange:
    """ccops' own file has these, or three."""
    file = OwnedFile("sip")
    for entry in entries or ENTRIES:
        file = file.added(entry)
    owned = Owned("sip", Secret(file.text), digest_of(file.text), True, ("general",))
    contexts = frozenset(["from-internal", "from-trunk", "ext-queues"])
    numbers = {"400": ("ext-queues: Queue(ventas,t)",)}
    return FilesExchange(
        samples.NODES[0],
        "sip",
        file.entries,
        Spoken("16.28.0", loaded, {"sip": ("101", "102", "gxw4108")}, ("ventas",), Dialplan(contexts, numbers)),
        folder="/data/asterisk",
        owned=(owned,),
    )


def reading(*entries: Entry) -> Reading[FilesExchange]:
    """The same as it is read."""
    return Reading(exchange(*entries), None, samples.NOW)


def plan() -> Plan:
    """That of an edit, as the planner draws it."""
    node = samples.NODES[0]
    return Plan(
        Request("extension"),
        "Add extension 202",
        f"/etc/asterisk/sip_ccops.conf on {node} is written anew, and Asterisk's chan_sip reads it again.",
        (Step("apply", "write it, reload, and see it in Asterisk", Condition("it serves", unseen), node),),
        checks=(Check("one node is seen to serve", True), Check("numbers and names are free", True)),
        role="administrator",
        notices=("calls in progress go on: a reload does not touch them",),
        evidence=("extension 202 added: name Luis, secret ***, context from-internal",),
    )


OBSTACLES = (
    Check(
        "there is a file of ccops' own, /etc/asterisk/sip_ccops.conf",
        False,
        "there is none",
        "once, on elaxtix-voip: install -m 0640 -o asterisk -g asterisk /dev/null /etc/asterisk/sip_ccops.conf",
    ),
)
