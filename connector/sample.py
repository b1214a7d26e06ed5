"""`check --sample`: what records of a file become, by the configured decoder, mapping and rules.

Needs neither Kafka nor the API nor a token. What comes from a record is made harmless to a terminal.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Literal, NamedTuple

import msgspec

from connector.core.reading.event import Decoded
from connector.interpreting import Interpreting
from connector.model import Rejection
from connector.options import FAULT, Failed, give_up, is_credential
from connector.settings import Settings
from connector.terminal import harmless

Split = Literal["auto", "lines", "none"]

_NEEDLESS = {
    "kafka.bootstrap_servers",
    "kafka.dead_letter_topic",
    "kafka.properties_file",
    "pushwoosh.application",
}


def needless(name: str) -> bool:
    """Tell whether a sample can be looked at without this setting: it may be missing or wrong."""
    return name in _NEEDLESS or is_credential(name) or name.startswith("kafka.properties.")


_raw_fields = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode


class WrongSampleError(Exception):
    """The file or the topic is wrong; the text says what to do."""


class Sample(NamedTuple):
    """One record in the shape of `connector.model.Record`. `number` is its place in the file, from 0."""

    of: str
    number: int
    content: bytes
    its_key: bytes | None
    its_headers: tuple[tuple[str, bytes | None], ...]
    milliseconds: int | None

    def topic(self) -> str:
        return self.of

    def partition(self) -> int:
        return 0

    def offset(self) -> int:
        return self.number

    def timestamp(self) -> tuple[int, int]:
        return (0, -1) if self.milliseconds is None else (1, self.milliseconds)

    def key(self) -> bytes | None:
        return self.its_key

    def value(self) -> bytes | None:
        return self.content

    def headers(self) -> list[tuple[str, bytes | None]] | None:
        return [*self.its_headers]


class Envelope(NamedTuple):
    """What each record has beside its value; headers are `name=value`."""

    key: str | None = None
    headers: Sequence[str] = ()
    timestamp: int | None = None

    def record(self, topic: str, number: int, content: bytes) -> Sample:
        """Make a record. Raises `WrongSampleError` where a header has no name."""
        headers = []
        for header in self.headers:
            name, equals, value = header.partition("=")
            if not name or not equals:
                raise WrongSampleError(f"--header {header!r} is not name=value")
            headers.append((name, value.encode()))
        key = None if self.key is None else self.key.encode()
        return Sample(topic, number, content, key, tuple(headers), self.timestamp)


def check_sample(
    settings: Settings, file: str, topic: str | None, envelope: Envelope, split: Split, *, as_json: bool
) -> int:
    """Show what the records of a file become. Return the exit code."""
    try:
        chosen = topic_of(settings, topic)
        contents = records_in(read(file), split)
        samples = [envelope.record(chosen, number, content) for number, content in enumerate(contents)]
        return 0 if show(settings, chosen, samples, as_json=as_json) else FAULT
    except WrongSampleError as wrong:
        give_up(str(wrong))
    except Failed as failed:
        sys.stderr.write(f"{failed}\n")
        return FAULT


def read(file: str) -> bytes:
    """Read the file, or standard input for `-`. Raises `WrongSampleError`."""
    try:
        content = sys.stdin.buffer.read() if file == "-" else Path(file).read_bytes()
    except OSError as error:
        raise WrongSampleError(f"{file} cannot be read: {error.strerror}") from None
    if not content.strip():
        raise WrongSampleError(f"there is no record in {'standard input' if file == '-' else file}")
    return content


def records_in(content: bytes, split: Split) -> list[bytes]:
    """Take the file apart: lines, or all of it.

    Left to us: one JSON document is one record, over however many lines; of anything else in which at
    least one line is JSON, each line is one; what is no JSON at all is one record of another format.
    """
    lines = [line.rstrip(b"\r") for line in content.split(b"\n") if line.strip()]
    if split == "lines":
        return lines
    if split == "none" or _is_json(content) or not any(map(_is_json, lines)):
        return [content]
    return lines


def topic_of(settings: Settings, topic: str | None) -> str:
    """Choose the topic whose records these are. Raises `WrongSampleError`."""
    known = [*settings.kafka.contents]
    if topic is None and len(known) == 1:
        return known[0]
    if topic is None:
        raise WrongSampleError(f"--topic has to say which topic's records these are: {', '.join(known)}")
    if topic not in known:
        raise WrongSampleError(f"{topic} is no topic that is read; those are {', '.join(known)}")
    return topic


def show(settings: Settings, topic: str, samples: Sequence[Sample], *, as_json: bool) -> bool:
    """Print what becomes of each. Return whether none is rejected.

    Raises `Failed` where the decoder can't work now.
    """
    counts = {"event": 0, "skipped": 0, "rejected": 0}
    for sample, outcome in zip(samples, Interpreting(settings).records(topic, samples), strict=True):
        found = _found(outcome)
        counts[found["outcome"]] += 1
        if as_json:
            sys.stdout.write(_ascii(_text({"record": sample.number + 1, **found})) + "\n")
        else:
            sys.stdout.writelines(f"{line}\n" for line in _lines(sample.number + 1, found))
    if not as_json:
        records = f"{len(samples)} record{'s' * (len(samples) != 1)}"
        events = f"{counts['event']} event{'s' * (counts['event'] != 1)}"
        sys.stdout.write(f"{records}: {events}, {counts['skipped']} skipped, {counts['rejected']} rejected\n")
    return not counts["rejected"]


def _found(outcome: Decoded) -> dict[str, Any]:
    """Say what became of a record. What is in a row stays raw: it is shown digit by digit as it is sent."""
    if outcome is None:
        return {"outcome": "skipped"}
    if isinstance(outcome, Rejection):
        return {"outcome": "rejected", "reason": outcome.reason.value, "detail": outcome.detail}
    row = _raw_fields(outcome.row)
    tags = {"tags": row.pop("tags")} if "tags" in row else {}
    application = {"application": outcome.application} if outcome.application else {}
    return {"outcome": "event", "endpoint": outcome.endpoint.value, **application, "device": row, **tags}


def _lines(number: int, found: dict[str, Any]) -> Iterator[str]:
    if found["outcome"] == "skipped":
        yield f"record {number}: skipped: the mapping's `when`, or the decoder, says that it isn't for us"
    elif found["outcome"] == "rejected":
        yield f"record {number}: rejected, {found['reason']}: {_line(found['detail'])}"
    else:
        yield f"record {number}: {found['endpoint']}"
        around = {name: found[name] for name in ("application", "tags") if name in found}
        for name, value in {**found["device"], **around}.items():
            text = _text(value)
            shown = msgspec.json.decode(text) if text.startswith('"') else text
            yield f"  {name:<13} {_line(shown)}"


def _text(content: Any) -> str:
    """Write JSON in one line, and what is raw in it as it is but for blanks."""
    return msgspec.json.format(msgspec.json.encode(content), indent=0).decode()


def _ascii(text: str) -> str:
    """Escape what isn't ASCII in JSON, which is in its strings only: harmless wherever it is shown."""
    return "".join(each if each.isascii() else json.dumps(each)[1:-1] for each in text)


def _line(text: str) -> str:
    return harmless(text).replace("\n", "\\n")


def _is_json(content: bytes) -> bool:
    try:
        msgspec.json.decode(content)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return False
    return True
