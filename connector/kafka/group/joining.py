"""Whether the group counts this member in, and the troubles that go with that.

Given: that partitions were assigned or lost, and a check now and then. Gives: `joined`, and troubles that
began or ended with it.
"""

from __future__ import annotations

import sys
from collections.abc import Awaitable, Callable

from connector.kafka.troubles import Troubles

JOIN_LIMIT = 15.0
"""Seconds without membership, brokers answering and no other trouble, after which something is wrong."""
REPEATED = ("oauth_token", "topic_authorization", "group_authorization")
"""Troubles that librdkafka repeats while they last, without a word when they end."""
TOLD_ONCE = "Subscribed topic"
"""How the one message among them begins that is not repeated; records of its topic end that trouble."""
SILENCE = 20.0
"""Seconds of silence that end a repeated one: tokens are requested every 10 s, heartbeats sent every 5."""


class Joining:
    """This member's way into the group.

    `group_metadata` asks the client for its proof of membership; `clock` is monotonic, in seconds.
    """

    def __init__(
        self,
        group_metadata: Callable[[], Awaitable[bytes]],
        troubles: Troubles,
        group_protocol: str,
        clock: Callable[[], float],
    ) -> None:
        self._group_metadata = group_metadata
        self._troubles = troubles
        self._clock = clock
        self._new_protocol = group_protocol.lower() == "consumer"
        self._in_vain_since = clock()
        self.joined = False
        """The group counts this member in, with or without partitions."""

    def begin(self) -> None:
        """Wait to be counted in, for the first time or again."""
        self.joined = False
        self._in_vain_since = self._clock()

    def succeeded(self) -> None:
        """The group counts it in."""
        self.joined = True
        self._troubles.works(
            (
                "protocol_unsupported",
                "not_joined",
                "group_authorization",
                "group_settings",
                "group_full",
                "instance_id",
            )
        )
        self._troubles.works(("topic_authorization",), "")  # a heartbeat's, which names no topic

    async def check(self, *, connected: bool) -> None:
        """See whether this member is counted in by now, and end troubles that are no longer repeated."""
        if not self.joined:
            await self._ask(connected=connected)
        if self.joined and connected:
            self._troubles.fade(REPEATED, SILENCE, but=TOLD_ONCE)

    async def _ask(self, *, connected: bool) -> None:
        """Ask for the epoch, negative until joined: a spare member under the new protocol gets no call."""
        metadata = bytes(await self._group_metadata())
        if int.from_bytes(metadata[7:11], sys.byteorder, signed=True) >= 0:  # "CGMDv2:", then the epoch
            self.succeeded()
            return
        if not connected or self._troubles.blocking:
            # Something else is in the way; once that is over, joining takes a while.
            self._in_vain_since = self._clock()
        waited = self._clock() - self._in_vain_since
        if waited >= JOIN_LIMIT:
            code = "protocol_unsupported" if self._new_protocol else "not_joined"
            words = f"no membership in the group after {waited:.0f} s in which brokers answered"
            self._troubles.notice(code, words)
