"""Meeting two servers: connect, look, ask what could not be found; and the rights that a user needs there."""

from __future__ import annotations

import getpass
from collections.abc import Callable, Collection

from ccops.config import NodeSettings, PairSettings
from ccops.links.ssh import connect
from ccops.setup.facts import NodeFacts
from ccops.setup.inspect import inspect_node
from ccops.setup.proposal import Proposal, propose
from ccops.setup.sudoers import sudoers

Ask = Callable[[str, str | None], str]


async def introduce(name: str, targets: tuple[str, str], ask: Ask, say: Callable[[str], None]) -> Proposal:
    """Inspects both servers and asks until no question is open. Raises LinkError and InspectionError."""
    facts: list[NodeFacts] = []
    for target in targets:
        say(f"looking at {target} …")
        facts.append(await _inspect(NodeSettings(name=target, ssh=target)))
    answers: dict[str, str] = {}
    asked_twice: set[str] = set()
    refused: set[str] = set()
    proposal = propose(name, facts)
    # One at a time: an answer can make the next question needless.
    while open_questions := [question for question in proposal.questions if question.key not in refused]:
        question = open_questions[0]
        answers[question.key] = ask(question.why, question.default)
        proposal = propose(name, facts, answers)
        if any(still.key == question.key for still in proposal.questions):
            del answers[question.key]
            if question.key in asked_twice:
                refused.add(question.key)
            asked_twice.add(question.key)
    return proposal


async def rights(pair: PairSettings, names: Collection[str], operating: bool = False) -> tuple[str, ...]:
    """For each of the nodes named the text that `ccops sudoers` prints (see `sudoers`).

    Raises LinkError and InspectionError.
    """
    texts = []
    for node in (node for node in pair.nodes if node.name in names):
        facts = await _inspect(node)
        user = facts.user or node.ssh.rpartition("@")[0] or getpass.getuser()
        texts.append(sudoers(user, pair, facts, operating=operating))
    return tuple(texts)


async def _inspect(node: NodeSettings) -> NodeFacts:
    connection = await connect(node)
    try:
        return await inspect_node(connection, node.ssh)
    finally:
        connection.close()
