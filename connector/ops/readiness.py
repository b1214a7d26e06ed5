"""Whether an instance is ready, and all that is against it: the answer to `/readyz`."""

from __future__ import annotations

from collections.abc import Sequence

from connector.ops.status import Health, ObstacleView


def readiness(
    *,
    joined: bool,
    halts: list[ObstacleView],
    stopping: bool,
    troubles: Sequence[ObstacleView] = (),
    paused: str = "",
) -> Health:
    """Answer `/readyz`: every reason against at once. `troubles` stop what they are about, and not all.

    Joined means member of the group, with or without partitions: a spare replica is ready. A closed
    gate is not a reason: it opens by itself, and taking the pod away would help nobody. Nor is a pause:
    it is what somebody wanted. A Deployment replaces Pods that aren't ready all at once, and a Pod
    that replaces a paused one is not paused. `paused` says who wanted it, to be told all the same.
    """
    against = []
    if not joined:
        against.append("not a member of the consumer group yet")
    against += [f"halted ({halt.cause}): {_told(halt)}" for halt in halts]
    against += [f"{trouble.cause}: {_told(trouble)}" for trouble in troubles]
    if stopping:
        against.append("stopping")
    told = against or ["ready"]
    return Health(ok=not against, reason="; ".join([*told, paused] if paused else told))


def _told(obstacle: ObstacleView) -> str:
    """Say what is wrong, what it is about unless the message names that, and what to do."""
    about = f"{obstacle.subject}: " if obstacle.subject and obstacle.subject not in obstacle.message else ""
    return f"{about}{obstacle.message}; to mend it: {obstacle.mend}"
