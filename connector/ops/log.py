"""Log lines: JSON or text for people, UTC, secrets masked, nobody's device named above debug.

`configure` once; whoever owns the process then gets a logger, and gives it to the parts. One line says one
thing that happened to many records, and may name the first of them as an example; only at debug each dead
letter has a line. Lines of the libraries go the same way.
"""

from __future__ import annotations

import logging
import re
import sys
import time
from collections.abc import Callable, Iterable, MutableMapping
from threading import Lock
from typing import Any, TextIO, cast

import structlog
from structlog.typing import FilteringBoundLogger, Processor, WrappedLogger

from connector.core.notices import GOING_ON, HALTED
from connector.model import Cause, Letter
from connector.ops.outlet import Outlet
from connector.ops.privacy import Mask, deep, without_devices
from connector.ops.status import Status
from connector.ops.throttle import Throttle

_LEVELS = {"debug": logging.DEBUG, "info": logging.INFO, "warning": logging.WARNING, "error": logging.ERROR}
# Never below warning, whatever is asked for: httpx's line for each request has the request_id in it.
_QUIET = (
    *("httpx", "httpcore", "httpx2", "httpcore2", "hpack"),
    *("uvicorn", "uvicorn.error", "uvicorn.access", "asyncio"),
)
_EACH_IS_NEWS = Cause.DATA_LOSS
"""The code of what is told each time anew: which records are gone is in no other place."""
_SAME_KIND = ("logger", "cause", "code", "reason", "subject", "topic", "partition", "endpoint", "application")
KAFKA_TROUBLE = "kafka"
KAFKA_WORKS_AGAIN = "kafka: works again"
DECODER_UNAVAILABLE = "decoder unavailable: its records wait"
DECODER_WORKS_AGAIN = "decoder works again"
CREDENTIALS_GONE = "token file without a token: the one it had before is used"
CREDENTIALS_BACK = "token file is good again"
_ENDS = {
    GOING_ON: HALTED,
    KAFKA_WORKS_AGAIN: KAFKA_TROUBLE,
    DECODER_WORKS_AGAIN: DECODER_UNAVAILABLE,
    CREDENTIALS_BACK: CREDENTIALS_GONE,
}
"""Lines that end a trouble, and the line that tells of it: when it comes back, that is news."""
_DIGITS = re.compile(r"\d+")

Fields = MutableMapping[str, Any]


def configure(
    level: str,
    form: str,
    secrets: Iterable[str] = (),
    outlet: Outlet | None = None,
    clock: Callable[[], float] = time.monotonic,
) -> Mask:
    """Set up all logging of the process. `level` and `form` are the settings `log.level` and `log.format`.

    Writes to `outlet`, standard error if None. Returns the mask, to be told of new secrets.
    """
    out = outlet or Outlet(sys.stderr)
    mask = Mask(secrets)
    processors: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        _throttled(Throttle(clock)),
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.StackInfoRenderer(),
        structlog.processors.format_exc_info,  # plain: richer formats show local variables, and so secrets
        _private(mask),
        _renderer(form, out),
    ]
    structlog.configure(
        processors=processors,
        wrapper_class=structlog.make_filtering_bound_logger(_LEVELS[level]),
        logger_factory=structlog.WriteLoggerFactory(cast(TextIO, out)),
        cache_logger_on_first_use=False,
    )
    _take_over_stdlib(_LEVELS[level])
    return mask


def in_a_program(
    level: str, secrets: Iterable[str] = (), libraries: Iterable[str] = ()
) -> tuple[Mask, FilteringBoundLogger]:
    """Return a log for use inside another program, and its mask: lines of text to `logging`'s `connector`.

    Changes nothing of the process: where lines go, and which, the program says. Only what repeats is held
    back, of ours and of the loggers that are named by `libraries`.
    """
    for name in libraries:
        logging.getLogger(name).addFilter(_repeats)  # the same one again is no second one
    mask = Mask(secrets)
    processors: list[Processor] = [
        structlog.processors.add_log_level,
        _throttled(Throttle(time.monotonic)),
        structlog.processors.format_exc_info,
        _private(mask),
        _in_words,
    ]
    log: FilteringBoundLogger = structlog.wrap_logger(
        logging.getLogger("connector"),
        processors=processors,
        wrapper_class=structlog.make_filtering_bound_logger(_LEVELS[level]),
    )
    return mask, log


def _in_words(_logger: WrappedLogger, _method: str, fields: Fields) -> str:
    told = [f"{name}={value}" for name, value in fields.items() if name not in ("event", "level")]
    return " ".join([str(fields["event"]), *told])


def _renderer(form: str, out: Outlet) -> Processor:
    if form == "json":
        return structlog.processors.JSONRenderer()
    return structlog.dev.ConsoleRenderer(
        colors=out.isatty(), exception_formatter=structlog.dev.plain_traceback, pad_event_to=32
    )


class _Forward(logging.Handler):
    """Sends the lines of libraries on the way that our own take."""

    def emit(self, record: logging.LogRecord) -> None:
        try:
            level = min(
                max(record.levelno // 10 * 10, logging.DEBUG), logging.CRITICAL
            )  # libraries invent some
            log: FilteringBoundLogger = structlog.get_logger()
            log.log(level, record.getMessage(), logger=record.name, exc_info=record.exc_info)
        except Exception:  # noqa: BLE001  # logging's rule: a line that can't be written never breaks its writer
            self.handleError(record)


def _take_over_stdlib(level: int) -> None:
    root = logging.getLogger()
    for handler in [each for each in root.handlers if isinstance(each, _Forward)]:
        root.removeHandler(handler)
    root.addHandler(_Forward())
    root.setLevel(level)
    for name in _QUIET:
        library = logging.getLogger(name)
        library.handlers.clear()
        library.propagate = True
        library.setLevel(max(level, logging.WARNING))


def _throttled(throttle: Throttle) -> Processor:
    """Hold back what repeats: warnings, errors, a library's news. Numbers don't make it another one."""

    def process(_logger: WrappedLogger, _method: str, fields: Fields) -> Fields:
        own = "logger" not in fields
        if own and fields.get("event") in _ENDS:
            over = _ENDS[fields["event"]]
            throttle.forget(lambda kind: bool(kind[1] == over))
        if fields["level"] == "debug" or (own and fields["level"] == "info"):
            return fields
        same = tuple(str(fields.get(name, "")) for name in _SAME_KIND)
        if fields.get("code") == _EACH_IS_NEWS:
            same += (str(fields.get("message")),)
        held_back = throttle.passes((fields["level"], _DIGITS.sub("#", str(fields.get("event"))), same))
        if held_back is None:
            raise structlog.DropEvent
        if held_back:
            fields["repeated"] = held_back
        return fields

    return process


class _Repeats(logging.Filter):
    """Holds back a library's lines as `_throttled` does, where they don't go our way. For any thread."""

    def __init__(self, throttle: Throttle) -> None:
        super().__init__()
        self._throttle = throttle
        self._turn = Lock()

    def filter(self, record: logging.LogRecord) -> bool:
        text = record.getMessage()
        with self._turn:
            held_back = self._throttle.passes((record.name, record.levelno, _DIGITS.sub("#", text)))
        if held_back:
            record.msg, record.args = f"{text} repeated={held_back}", ()
        return held_back is not None


_repeats = _Repeats(Throttle(time.monotonic))


def _private(mask: Mask) -> Processor:
    """Mask secrets in every line, and hide devices in all but debug lines."""

    def process(_logger: WrappedLogger, _method: str, fields: Fields) -> Fields:
        shown = dict(fields) if fields["level"] == "debug" else without_devices(fields)
        return {name: deep(value, mask) for name, value in shown.items()}

    return process


def name_devices(log: FilteringBoundLogger, letters: Iterable[Letter]) -> None:
    """Write a line for each letter with its device, where the level allows that."""
    if not log.is_enabled_for(logging.DEBUG):
        return
    for letter in letters:
        names = {"hwid": letter.hwid, "user_id": letter.user_id, "push_token": letter.push_token}
        log.debug(
            "dead letter",
            id=letter.id,
            reason=str(letter.rejection.reason),
            detail=letter.rejection.detail,
            **{name: value for name, value in names.items() if value is not None},
        )


def summary(log: FilteringBoundLogger, status: Status) -> None:
    """Write the line that sums up what is going on; the runner calls this each `log.summary_interval`."""
    known = [each.backlog for each in status.partitions if each.backlog is not None]
    log.info(
        "summary",
        state=str(status.state),
        events_per_second=status.rates.confirmed,
        consumed_per_second=status.rates.consumed,
        dead_letters_per_second=status.rates.dead_letters,
        backlog=sum(known) if known or not status.partitions else None,
        partitions=len(status.partitions),
        jobs_in_flight=sum(status.jobs_in_flight.values()),
        oldest_unsettled_seconds=round(
            max((each.oldest_unsettled_seconds for each in status.partitions), default=0.0), 1
        ),
        buffered_events=status.buffered_events,
    )
