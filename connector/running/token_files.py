"""Looks at the tokens' files from time to time: tells the core of a new token, people of a missing one."""

from __future__ import annotations

from collections.abc import Callable

from structlog.typing import FilteringBoundLogger

from connector.credentials import Credentials
from connector.ops.log import CREDENTIALS_BACK, CREDENTIALS_GONE
from connector.ops.privacy import Mask
from connector.ops.watch import RecentErrors
from connector.pulse import Pulse


class TokenFiles:
    """The token files of all applications; a token in the settings has none to look at."""

    def __init__(
        self,
        pulse: Pulse,
        credentials: Credentials,
        code_of: Callable[[str], str],
        mask: Mask,
        log: FilteringBoundLogger,
        errors: RecentErrors,
    ) -> None:
        self._pulse = pulse
        self._credentials = credentials
        self._code_of = code_of
        self._mask = mask
        self._log = log
        self._errors = errors

    def look(self) -> None:
        """Look once. Of what is as it was at the last look nothing is said."""
        now = self._pulse.clock()
        for application in self._credentials.changed():
            self._mask.add(self._credentials.token(application) or "")
            self._log.info("token changed", application=self._code_of(application))
            self._pulse.engine.credentials_changed(application, now)
        for application, trouble in self._credentials.changed_troubles().items():
            code = self._code_of(application)
            if not trouble:
                self._log.info(CREDENTIALS_BACK, application=code)
                continue
            self._log.warning(
                CREDENTIALS_GONE,
                application=code,
                why=trouble,
                mend="write the API token into the file; until then the next start would fail",
            )
            self._errors.add(now, f"{CREDENTIALS_GONE}: {code}: {trouble}")
