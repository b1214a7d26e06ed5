"""What an operator may command at run time: pause, resume. Off without `admin.control_token`.

A pause is this process's alone and ends with it: to stop for longer than that, set the replicas to 0.
"""

from __future__ import annotations

import hmac

from structlog.typing import FilteringBoundLogger

from connector.credentials import Token
from connector.ops.privacy import Mask
from connector.pulse import Pulse
from connector.settings import Admin


class Control:
    """Carries out commands, in the event loop: what one says holds when it is answered."""

    def __init__(self, token: Token, pulse: Pulse, mask: Mask, log: FilteringBoundLogger) -> None:
        self._token = token
        self._pulse = pulse
        self._mask = mask
        self._log = log

    @classmethod
    def of(cls, settings: Admin, pulse: Pulse, mask: Mask, log: FilteringBoundLogger) -> Control | None:
        """Make what the settings allow; None where they name no token."""
        given, file = settings.control_token, settings.control_token_file
        if given is None and file is None:
            return None
        return cls(Token(given.get_secret_value() if given else "", file), pulse, mask, log)

    def allows(self, given: str) -> bool:
        """Tell whether this is the token, in a time that says nothing about it."""
        token = self._token.current()
        self._mask.add(token)
        return bool(token) and hmac.compare_digest(given.encode(), token.encode())

    def refused(self, command: str, by: str) -> None:
        """Somebody without the token gave a command."""
        self._log.warning("command refused: it takes admin.control_token", command=command, by=by)

    def pause(self, by: str) -> bool:
        """Submit nothing more; `by` is an address. False if it was paused already."""
        return self._told(self._pulse.engine.pause(by, self._pulse.clock()))

    def resume(self, by: str) -> bool:
        """Go on. False if it was not paused."""
        return self._told(self._pulse.engine.resume(by))

    def _told(self, changed: bool) -> bool:
        self._pulse.ring()
        return changed
