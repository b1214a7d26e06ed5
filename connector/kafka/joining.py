"""Whether the group counts this member in, and what is said where it doesn't, or until it does.

Given: that partitions came or were lost, and a question now and then. Gives: `joined`, and troubles that
began or are over with it.
"""

from __future__ import annotations

import sys
from collections.abc import Awaitable, Callable

from connector.kafka.troubles import Troubles

JOIN_LIMIT = 15.0
"""Seconds without membership, brokers answering, after which something is wrong."""
REPEATED = ("oauth_token", "topic_authorization", "group_authorization")
"""Troubles that librdkafka tells of again and again while they last, and not when they end."""
TOLD_ONCE = "Subscribed topic"
"""How the one among them begins that isn't repeated; it ends when something of its topic arrives."""
SILENCE = 20.0
"""Seconds after which a repeated one is over: a token is asked for each 10 s, a heartbeat comes each 5."""


class Joining:
    """`group_metadata` asks the client what proves membership, `clock` is monotonic, in seconds."""

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
        self._since = clock()
        self.joined = False
        """The group counts this member in, with or without partitions."""

    def begin(self) -> None:
        """From now on it waits to be counted in, for the first time or again."""
        self.joined = False
        self._since = self._clock()

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
        """See whether it is counted in meanwhile, and end the troubles that are not repeated any more."""
        if not self.joined:
            await self._ask(connected=connected)
        if self.joined and connected:
            self._troubles.fade(REPEATED, SILENCE, but=TOLD_ONCE)

    async def _ask(self, *, connected: bool) -> None:
        """Ask the epoch, negative until joined: a spare member under the new protocol hears nothing."""
        waited = self._clock() - self._since
        metadata = bytes(await self._group_metadata())
        if int.from_bytes(metadata[7:11], sys.byteorder, signed=True) >= 0:  # "CGMDv2:", then the epoch
            self.succeeded()
        elif waited >= JOIN_LIMIT and connected and not self._troubles.blocking:
            code = "protocol_unsupported" if self._new_protocol else "not_joined"
            self._troubles.notice(code, f"no membership in the group after {waited:.0f} s")
