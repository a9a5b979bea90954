"""What two DRBD sides conclude from their UUIDs when they meet (`drbd_uuid_compare` of DRBD 8.4)."""

from __future__ import annotations

from ccops.demo.replica import JUST_CREATED

SPLIT_BRAIN = 100
UNRELATED = -1000


def compare(mine: list[int], peer: list[int], crashed: bool = False, peer_crashed: bool = False) -> tuple[int, int]:
    """The verdict and the rule that gave it, from one side's sight.

    0 in sync; 1 and -1 source and target by bitmap; 2 and -2 source and target of everything; ±100 split brain;
    -1000 unrelated data. The role bit (bit 0) of every UUID is left out.
    """
    me, it = [u & ~1 for u in mine], [u & ~1 for u in peer]
    if me[0] == JUST_CREATED and it[0] == JUST_CREATED:
        return 0, 10
    if me[0] == JUST_CREATED:
        return -2, 20
    if it[0] == JUST_CREATED:
        return 2, 30
    if me[0] == it[0]:
        return (1 if crashed and not peer_crashed else -1 if peer_crashed and not crashed else 0), 40
    for rule, verdict, holds in (
        (50, -1, me[0] == it[1]),
        (60, -2, me[0] in it[2:]),
        (70, 1, me[1] == it[0]),
        (80, 2, it[0] in me[2:]),
        (90, SPLIT_BRAIN, me[1] == it[1] and me[1] != 0),
        (100, -SPLIT_BRAIN, any(u and u in it[2:] for u in me[2:])),
    ):
        if holds:
            return verdict, rule
    return UNRELATED, 110
