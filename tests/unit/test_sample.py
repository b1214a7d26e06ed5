"""`check --sample`, as a user types it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest
from typer.testing import CliRunner, Result

from connector.cli import app
from connector.model import DecoderUnavailable, Record, TagsUpdate
from connector.sample import records_in

ENVIRON = {
    "CONNECTOR_KAFKA_TAGS_TOPICS": "tags",
    "CONNECTOR_MAPPING_WHEN": "id",
    "CONNECTOR_MAPPING_HWID": "id",
    "CONNECTOR_MAPPING_TAGS": "{Plan: plan, Key: key(), Kind: header('kind'), "
    "At: epoch_date(timestamp(), 'ms')}",
}
"""Neither brokers nor an application nor a token: a sample needs none of them."""


def check(*arguments: str, given: bytes = b"", **environ: str) -> Result:
    env: dict[str, str | None] = {**ENVIRON, **environ}
    result = CliRunner().invoke(app, ["check", *arguments], env=env, input=given)
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


def found(*arguments: str, given: bytes, **environ: str) -> list[dict[str, Any]]:
    result = check("--sample", "-", "--json", *arguments, given=given, **environ)
    return [json.loads(line) for line in result.stdout.splitlines()]


def test_each_record_is_shown_as_what_it_becomes(tmp_path: Path) -> None:
    file = tmp_path / "sample.jsonl"
    file.write_text('{"id": "A1", "plan": "pro"}\n\n{"plan": "pro"}\r\n{"id": 1.5}\n{"id"\n')
    result = check("--sample", str(file))
    assert result.stdout.splitlines() == [
        "record 1: bulkSetTags",
        "  hwid          A1",
        "  list_operator set",
        '  tags          {"Plan": "pro"}',
        "record 2: skipped: the mapping's `when`, or the decoder, says that it isn't for us",
        "record 3: rejected, invalid_event: Expected `str`, got `float` - at `$.hwid`",
        "record 4: rejected, undecodable: Not JSON: Input data was truncated",
        "4 records: 1 event, 1 skipped, 2 rejected",
    ]
    assert result.exit_code == 1


def test_it_is_in_order_where_nothing_is_rejected() -> None:
    assert check("--sample", "-", given=b'{"id": "A", "plan": 1}').exit_code == 0


def test_key_headers_and_timestamp_are_those_given() -> None:
    around = ["--key", "K", "--header", "kind=x", "--header", "kind=a=b", "--timestamp", "1700000000000"]
    (one,) = found(*around, given=b'{"id": "A"}')
    assert one == {
        "record": 1,
        "outcome": "event",
        "endpoint": "bulkSetTags",
        "device": {"hwid": "A", "list_operator": "set"},
        "tags": {"Key": "K", "Kind": "a=b", "At": "2023-11-14 22:13"},
    }


def test_one_of_several_topics_is_chosen() -> None:
    more = {"CONNECTOR_KAFKA_REGISTRATIONS_TOPICS": "devices", "CONNECTOR_MAPPING_PUSH_TOKEN": "token"}
    more["CONNECTOR_MAPPING_PLATFORM"] = "'ios'"
    given = b'{"id": "A", "token": "t"}'
    (one,) = found("--topic", "devices", given=given, **more)
    assert one["endpoint"] == "bulkRegisterDevice"
    assert one["device"] == {"hwid": "A", "push_token": "t", "platform": 1}
    undecided = check("--sample", "-", given=given, **more)
    assert (undecided.exit_code, undecided.stderr) == (
        2,
        "--topic has to say which topic's records these are: tags, devices\n",
    )


@pytest.mark.parametrize(
    ("arguments", "given", "says"),
    [
        (["--sample", "/no/such/file"], b"", "/no/such/file cannot be read: No such file or directory"),
        (["--sample", "/"], b"", "/ cannot be read: Is a directory"),
        (["--sample", "-"], b" \n", "there is no record in standard input"),
        (["--sample", "-", "--topic", "x"], b"{}", "x is no topic that is read; those are tags"),
        (["--sample", "-", "--header", "x"], b"{}", "--header 'x' is not name=value"),
        (["--topic", "tags"], b"", "need --sample"),
        (["--json"], b"", "need --sample"),
        (["--sample", "-", "--split", "words"], b"{}", "'words' is not one of"),
    ],
)
def test_a_wrong_use_of_the_options_is_an_error_that_says_what_is_wrong(
    arguments: list[str], given: bytes, says: str
) -> None:
    result = check(*arguments, given=given)
    assert result.exit_code == 2
    assert says in result.stderr


def test_a_wrong_mapping_is_told_but_not_what_a_sample_doesn_t_need() -> None:
    more = {"CONNECTOR_PUSHWOOSH_TOKEN_FILE": "/no/such", "CONNECTOR_KAFKA_PROPERTIES": "ssl.ca.location=/no"}
    result = check("--sample", "-", given=b"{}", CONNECTOR_MAPPING_HWID="a b", **more)
    assert result.exit_code == 2
    assert result.stderr.startswith(
        "a mistake in the configuration:\n  mapping.hwid (CONNECTOR_MAPPING_HWID): "
    )


def test_what_a_record_holds_can_t_write_on_the_terminal() -> None:
    result = check("--sample", "-", given=b'{"id": "A\\u001b[2J\\nrecord 2: bulkSetTags", "plan": "\\u202e"}')
    assert "  hwid          A\\x1b[2J\\nrecord 2: bulkSetTags\n" in result.stdout
    assert "\u202e" not in result.stdout


SENT = '{"n": 9007199254740993.0, "big": 123456789012345678901234567890, "e": 1E+2, "p": "\\u00e9 \u202e"}'


@pytest.mark.parametrize("decoder", [{}, {"CONNECTOR_KAFKA_DECODER": "tests.unit.test_sample:raw"}])
def test_numbers_are_shown_digit_by_digit_as_they_are_sent(decoder: dict[str, str]) -> None:
    given = f'{{\n"hwid": "A1",\n"tags": {SENT}\n}}'.encode()
    own = dict.fromkeys(("CONNECTOR_MAPPING_WHEN", "CONNECTOR_MAPPING_HWID", "CONNECTOR_MAPPING_TAGS"), "")
    shown = check("--sample", "-", given=given, **own, **decoder).stdout.splitlines()
    assert shown[-2] == "  tags          " + SENT.replace("\u202e", "\\u202e")
    (line,) = check("--sample", "-", "--json", given=given, **own, **decoder).stdout.splitlines()
    assert line.endswith('"tags": ' + SENT.replace("\u202e", "\\u202e") + "}")


def raw(record: Record) -> TagsUpdate:
    """A decoder that passes tags on as they are."""
    fields = msgspec.json.decode(record.value() or b"", type=dict[str, msgspec.Raw])
    return TagsUpdate(hwid="A1", tags=fields["tags"])


LINES = b'{"a": 1}\n{"a": 2}\n'
PRETTY = b'{\n  "a": 1\n}\n'


@pytest.mark.parametrize(
    ("content", "split", "records"),
    [
        (LINES, "auto", [b'{"a": 1}', b'{"a": 2}']),
        (LINES, "none", [LINES]),
        (PRETTY, "auto", [PRETTY]),
        (PRETTY, "lines", [b"{", b'  "a": 1', b"}"]),
        (b'{"a": 1}\n{"a":\n', "auto", [b'{"a": 1}', b'{"a":']),
        (b'{\n "a": \n', "auto", [b'{\n "a": \n']),
        (b"\x00\x00\x00\x00\x01\x02A\n\n", "auto", [b"\x00\x00\x00\x00\x01\x02A\n\n"]),
        (b"A;pro\nB;free\n", "lines", [b"A;pro", b"B;free"]),
    ],
)
def test_a_file_is_taken_apart(content: bytes, split: Any, records: list[bytes]) -> None:
    assert records_in(content, split) == records


def semicolons(record: Record) -> TagsUpdate:
    """A decoder of a user's."""
    value = record.value() or b""
    if value == b"down":
        raise DecoderUnavailable("the registry is down", mend="start it")
    hwid, plan = value.decode().split(";")
    return TagsUpdate(hwid, tags={"plan": plan})


def test_any_decoder_s_records_are_shown() -> None:
    own = {
        "CONNECTOR_KAFKA_DECODER": f"tests.unit.test_sample:{semicolons.__name__}",
        **dict.fromkeys(("CONNECTOR_MAPPING_WHEN", "CONNECTOR_MAPPING_HWID", "CONNECTOR_MAPPING_TAGS"), ""),
    }
    assert [each["device"]["hwid"] for each in found("--split", "lines", given=b"A;x\nB;y\n", **own)] == [
        "A",
        "B",
    ]
    down = check("--sample", "-", given=b"down", **own)
    assert down.exit_code == 1
    assert down.stderr == "the decoder can't work now: the registry is down; start it\n"
