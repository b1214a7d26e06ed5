"""How long a member may wait to be counted in before something is wrong."""

from __future__ import annotations

import sys

import pytest

from connector.kafka.group.joining import JOIN_LIMIT, Joining
from connector.kafka.troubles import Phase, Trouble, Troubles


class Waiting:
    """A member that the group hasn't counted in yet: `epoch` is negative."""

    def __init__(self, protocol: str = "classic") -> None:
        self.now, self.epoch = 0.0, -1
        self.lines: list[Trouble] = []
        self.troubles = Troubles(self.lines.append, lambda: self.now)
        self.joining = Joining(self._metadata, self.troubles, protocol, lambda: self.now)

    async def _metadata(self) -> bytes:
        return b"CGMDv2:" + self.epoch.to_bytes(4, sys.byteorder, signed=True)

    async def wait(self, seconds: float, *, connected: bool = True) -> None:
        """Check twice a second, as the consumer does."""
        for _ in range(round(2 * seconds)):
            self.now += 0.5
            await self.joining.check(connected=connected)

    def phases(self) -> list[tuple[str, Phase]]:
        return [(line.code, line.phase) for line in self.lines]


@pytest.mark.parametrize(
    ("protocol", "code"), [("classic", "not_joined"), ("consumer", "protocol_unsupported")]
)
async def test_a_group_that_takes_nobody_is_told_of_until_it_does(protocol: str, code: str) -> None:
    member = Waiting(protocol)
    await member.wait(JOIN_LIMIT - 1)
    assert member.lines == []
    await member.wait(2)
    member.epoch = 1
    await member.wait(1)
    assert member.phases() == [(code, Phase.BEGAN), (code, Phase.ENDED)]


async def test_time_without_a_broker_is_not_counted() -> None:
    """Started while the brokers are down, it joins some seconds after they are back: nothing is wrong."""
    member = Waiting("consumer")
    await member.wait(10 * JOIN_LIMIT, connected=False)
    await member.wait(JOIN_LIMIT - 1)
    await member.wait(5, connected=False)
    await member.wait(JOIN_LIMIT - 1)
    assert member.lines == []
    await member.wait(2)
    assert member.lines[0].message == "no membership in the group after 15 s in which brokers answered"
