"""What a user's decoder may raise, and how to quote it."""

from __future__ import annotations

FAULTS_OF_USERS = (Exception, SystemExit)
"""What a user's code may raise about a record. Not an interrupt, not a cancellation: those are about us."""


def words_of(error: BaseException) -> str:
    """Return what an error says; nothing where it is an error itself to ask."""
    try:
        return str(error)
    except FAULTS_OF_USERS:
        return ""
