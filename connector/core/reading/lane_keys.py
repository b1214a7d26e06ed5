"""The names of the lanes that an event waits in.

One for each identifier that the event names: the hwid itself, NUL + "u" + user_id, NUL + "p" + push_token.
With an application of its own, NUL + "a" + application + NUL comes before each. No two can clash: a NUL
inside an identifier is refused.
"""

from __future__ import annotations

from connector.core.reading.rules import breaks_no_rule


def lane_keys(
    application: str, hwid: str | None, user_id: str | None, push_token: str | None
) -> tuple[str, ...]:
    """Name the lanes of an event with these identifiers."""
    prefix = f"\0a{application}\0" if application else ""
    keys: tuple[str, ...] = () if hwid is None else (prefix + hwid,)
    if user_id is not None:
        keys += (f"{prefix}\0u{user_id}",)
    if push_token is not None:
        keys += (f"{prefix}\0p{push_token}",)
    return keys


def sound_lane_keys(
    application: str, hwid: str | None, user_id: str | None, push_token: str | None
) -> tuple[str, ...]:
    """Name the lanes of identifiers that break no rule; nothing where one does."""
    if not all(breaks_no_rule(name) for name in (hwid, user_id, push_token) if name is not None):
        return ()
    return lane_keys(application, hwid, user_id, push_token)
