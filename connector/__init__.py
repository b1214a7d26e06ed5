"""Kafka to Pushwoosh: tag changes and device registrations, confirmed per device, then committed.

What is named here is for other programs, and stays: deploy/LIBRARY.md. All of it is loaded when it is first
asked for, so that the command line's `--help` needs none of it.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

_FROM = {
    "connector.answers": (
        *("Accepted", "Denied", "JobReport", "JobState", "JobUnknown", "PollAnswer", "PostAnswer", "Refused"),
        *("Row", "Unavailable", "Unsent"),
    ),
    "connector.config": ("ConfigurationError", "load"),
    "connector.core.actions": ("Action", "Commit", "Pause", "Poll", "Resume", "Submit"),
    "connector.core.reading.decode": ("Decoder", "Interpreter"),
    "connector.core.engine": ("Engine",),
    "connector.core.reading.event": ("Event",),
    "connector.core.batching.batch": ("Batch",),
    "connector.core.following.job": ("Job",),
    "connector.core.limits": ("Limits",),
    "connector.core.notices": ("Notice",),
    "connector.core.tally": ("Tally",),
    "connector.embedding": ("Connector", "ConnectorFailedError"),
    "connector.model": (
        *("Cause", "Content", "DecoderUnavailable", "Endpoint", "Letter", "Position", "Reason", "Record"),
        *("Registration", "Rejection", "Start", "TagsUpdate", "TopicPartition"),
    ),
    "connector.ops.status": ("Status",),
    "connector.settings": ("Settings",),
}
_WHERE = {name: module for module, names in _FROM.items() for name in names}

if TYPE_CHECKING:
    from connector.answers import Accepted as Accepted
    from connector.answers import Denied as Denied
    from connector.answers import JobReport as JobReport
    from connector.answers import JobState as JobState
    from connector.answers import JobUnknown as JobUnknown
    from connector.answers import PollAnswer as PollAnswer
    from connector.answers import PostAnswer as PostAnswer
    from connector.answers import Refused as Refused
    from connector.answers import Row as Row
    from connector.answers import Unavailable as Unavailable
    from connector.answers import Unsent as Unsent
    from connector.config import ConfigurationError as ConfigurationError
    from connector.config import load as load
    from connector.core.actions import Action as Action
    from connector.core.actions import Commit as Commit
    from connector.core.actions import Pause as Pause
    from connector.core.actions import Poll as Poll
    from connector.core.actions import Resume as Resume
    from connector.core.actions import Submit as Submit
    from connector.core.batching.batch import Batch as Batch
    from connector.core.engine import Engine as Engine
    from connector.core.following.job import Job as Job
    from connector.core.limits import Limits as Limits
    from connector.core.notices import Notice as Notice
    from connector.core.reading.decode import Decoder as Decoder
    from connector.core.reading.decode import Interpreter as Interpreter
    from connector.core.reading.event import Event as Event
    from connector.core.tally import Tally as Tally
    from connector.embedding import Connector as Connector
    from connector.embedding import ConnectorFailedError as ConnectorFailedError
    from connector.model import Cause as Cause
    from connector.model import Content as Content
    from connector.model import DecoderUnavailable as DecoderUnavailable
    from connector.model import Endpoint as Endpoint
    from connector.model import Letter as Letter
    from connector.model import Position as Position
    from connector.model import Reason as Reason
    from connector.model import Record as Record
    from connector.model import Registration as Registration
    from connector.model import Rejection as Rejection
    from connector.model import Start as Start
    from connector.model import TagsUpdate as TagsUpdate
    from connector.model import TopicPartition as TopicPartition
    from connector.ops.status import Status as Status
    from connector.settings import Settings as Settings

__all__ = ["__version__", *_WHERE]  # noqa: PLE0604 - a list of names all the same


if not TYPE_CHECKING:  # a type checker would take any name at all for one that is there

    def __getattr__(name: str) -> Any:
        module = _WHERE.get(name)
        if module is None:
            raise AttributeError(f"module 'connector' has no attribute {name!r}")
        return getattr(importlib.import_module(module), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
