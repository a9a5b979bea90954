"""What can go wrong with a link, in words for the person on call; no message ever holds a secret."""

from __future__ import annotations


class LinkError(Exception):
    """A link could not be made, was lost, or refused what was asked. `str()` is for the person on call."""


class AuthenticationFailed(LinkError):
    """The other side knows us and does not let us in: key, user or secret are wrong. Retrying soon does not help."""


class HostKeyProblem(LinkError):
    """The node's SSH host key is unknown, differs from the known one, or cannot be checked."""


class Unreachable(LinkError):
    """Nothing answers at that address: no route, no such name, nobody listens."""


class NotListening(Unreachable):
    """The machine answers, but nobody listens there: a standby without the service. Not a fault by itself."""


class TimedOut(LinkError):
    """No answer within the time limit."""


class LinkLost(LinkError):
    """The link was up and is gone; what was pending on it may or may not have been done."""


class Refused(LinkError):
    """The other side (or a check before sending) said no to this one request; the link itself lives."""
