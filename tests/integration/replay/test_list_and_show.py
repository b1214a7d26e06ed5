"""`dead-letters list` and `show` over a real broker, and what they say where something is wrong."""

from __future__ import annotations

import pytest

from connector.model import DecoderUnavailable, Reason, Record, TagsUpdate
from tests.broker import free_ports
from tests.integration.replay.world import World, tags
from tests.kafka.client import Kafka

pytestmark = pytest.mark.broker


def test_letters_are_counted_and_the_filters_hold(kafka: Kafka) -> None:
    world = World(kafka)
    world.refused("A", "B")
    world.refused("C", reason=Reason.TAG_REFUSED)

    said = world.run("list", "--json")
    assert said.code == 0
    assert said.json["letters"] == 3
    found = {each["reason"]: each["letters"] for each in said.json["by_reason_and_topic"]}
    assert found == {"device_not_found": 2, "tag_refused": 1}
    assert said.json["by_time"] == [{"from": "2023-11-14 22:00", "letters": 3}]
    assert {each["device"] for each in said.json["newest"]} == {"A", "B", "C"}

    for more, count in (
        (["--reason", "tag_refused"], 1),
        (["--device", "B"], 1),
        (["--topic", world.topic], 3),
        (["--since", "2023-11-15"], 0),
        (["--until", "2023-11-15"], 3),
    ):
        assert world.run("list", "--json", *more).json["letters"] == count, more


def test_a_record_whose_producer_counts_microseconds_is_listed_shown_and_sent_as_any(kafka: Kafka) -> None:
    world = World(kafka)
    (record,) = world.produce(tags("A"))
    far = record._replace(timestamp=record.timestamp * 1000)
    (name,) = world.dead_letter([far], restamped=True)

    assert "beyond the calendar" in world.run("list").out
    assert world.run("list", "--json").json["newest"][0]["time"] == f"{far.timestamp} ms"
    assert world.run("list", "--json", "--since", "7d").json["letters"] == 1
    assert f"{far.timestamp} ms" in world.run("show", name).out
    assert world.run("replay", "--yes", "--json").json["sent"] == 1


def test_letters_whose_headers_say_nothing_that_can_be_keep_none_of_the_others(kafka: Kafka) -> None:
    world = World(kafka)
    world.refused("A", "B")
    group = world.environ["CONNECTOR_KAFKA_GROUP_ID"].encode()
    for name in (b"\xff\xfe/1/2", b"garbage", world.topic.encode() + b"/0/" + b"9" * 5000):
        headers = [("pushwoosh.id", name), ("pushwoosh.group", group), ("pushwoosh.reason", b"\xff")]
        kafka.produce(world.dead, [(b"k", b"x", 0, headers)])

    said = world.run("replay", "--yes", "--json")

    assert (said.code, said.json["sent"], said.json["not_sent"]) == (0, 2, {"no_source": 3})
    assert "their headers don't say which record they were" in world.run("replay").out


def test_the_table_names_every_letter_whole(kafka: Kafka) -> None:
    world = World(kafka)
    (name,) = world.refused("A")

    said = world.run("list")

    assert said.code == 0
    assert name in said.out
    assert "device_not_found" in said.out
    assert "said no" in said.out


def test_one_letter_is_shown_with_headers_value_and_why(kafka: Kafka) -> None:
    world = World(kafka)
    (name,) = world.refused("A")

    said = world.run("show", name)
    assert said.code == 0
    for part in ("device_not_found: said no", "bulkSetTags, set for hwid A", "trace", '"plan": "pro"'):
        assert part in said.out

    shown = world.run("show", name, "--json").json
    assert (shown["id"], shown["key"], shown["replayed"]) == (name, "A", False)
    assert ["trace", "abc"] in shown["headers"]
    assert world.run("show", shown["at"], "--json").json["id"] == name


def test_what_could_harm_a_terminal_is_written_as_an_escape(kafka: Kafka) -> None:
    world = World(kafka)
    (name,) = world.dead_letter(world.produce(b"\x1b[31mred"), Reason.UNDECODABLE)

    said = world.run("show", name)

    assert "\x1b" not in said.out
    assert "\\x1b[31mred" in said.out


def test_an_aborted_letter_is_no_letter(kafka: Kafka) -> None:
    from confluent_kafka import Producer  # noqa: PLC0415 - this test alone aborts a transaction

    world = World(kafka)
    producer = Producer({"bootstrap.servers": kafka.bootstrap, "transactional.id": kafka.name("txn")})
    producer.init_transactions(30)
    producer.begin_transaction()
    producer.produce(world.dead, b"never")
    producer.flush(30)
    producer.abort_transaction(30)

    said = world.run("list")

    assert (said.code, said.out.strip()) == (0, f"{world.dead}: 0 letters, 0 sent again")


def test_an_empty_topic_is_no_mistake(kafka: Kafka) -> None:
    world = World(kafka)

    assert world.run("list").code == 0
    said = world.run("replay", "--yes")
    assert (said.code, "nothing to send" in said.out) == (0, True)
    said = world.run("show", f"{world.topic}/0/0")
    assert (said.code, "has no letter" in said.err) == (1, True)


@pytest.mark.parametrize("command", [["list"], ["show", "users/0/0"], ["replay"], ["replay", "--yes"]])
def test_a_mistake_is_one_sentence_that_says_what_to_do(kafka: Kafka, command: list[str]) -> None:
    world = World(kafka)

    right, world.environ["CONNECTOR_KAFKA_DEAD_LETTER_TOPIC"] = world.dead, "missing"
    said = world.run(*command)
    assert (said.code, said.out) == (1, "")
    assert said.err == (
        "topic missing: there is no such topic; correct kafka.dead_letter_topic, or create it\n"
    )
    world.environ["CONNECTOR_KAFKA_DEAD_LETTER_TOPIC"] = right

    world.environ["CONNECTOR_KAFKA_PROPERTIES"] = (
        "security.protocol=sasl_plaintext\nsasl.mechanism=PLAIN\nsasl.username=u\nsasl.password=hush"
    )
    said = world.run(*command)
    assert (said.code, said.out) == (1, "")
    assert "this listener takes no SASL login: set security.protocol" in said.err
    assert "hush" not in said.err


def test_only_who_talks_to_the_api_needs_its_token(kafka: Kafka) -> None:
    world = World(kafka)
    (name,) = world.refused("A")
    world.environ["CONNECTOR_PUSHWOOSH_TOKEN"] = ""

    for command in (["list"], ["show", name], ["replay"], ["replay", "--yes"]):
        assert world.run(*command).code == 0, command
    said = world.run("replay", "--to", "api")
    assert (said.code, said.out) == (2, "")
    assert "CONNECTOR_PUSHWOOSH_TOKEN" in said.err


def test_a_broker_that_is_not_there_is_told_with_its_address(kafka: Kafka) -> None:
    world = World(kafka)
    (port,) = free_ports(1)
    world.environ["CONNECTOR_KAFKA_BOOTSTRAP_SERVERS"] = f"127.0.0.1:{port}"

    said = world.run("list")

    assert (said.code, said.out) == (1, "")
    assert f"127.0.0.1:{port}" in said.err
    assert "correct kafka.bootstrap_servers" in said.err


@pytest.mark.parametrize(
    ("command", "words"),
    [
        (["list", "--reason", "nonsense"], "no such reason; there are undecodable"),
        (["list", "--since", "yesterday"], "neither a time"),
        (["show", "nonsense"], "it is topic/partition/offset"),
        (["replay", "--until", "x"], "--until x"),
        (["list", "--since", "2h", "--until", "3h"], "--since is not before --until: no letter can be meant"),
        (["replay", "--refused-since", "2h", "--refused-until", "2h"], "--refused-since is not before"),
    ],
)
def test_a_wrong_command_line_is_2_and_says_what_is_right(
    kafka: Kafka, command: list[str], words: str
) -> None:
    said = World(kafka).run(*command)

    assert (said.code, said.out) == (2, "")
    assert words in said.err


def test_tags_with_a_user_are_found_by_it(kafka: Kafka) -> None:
    world = World(kafka)
    world.dead_letter(world.produce({**tags("A"), "user_id": "anna"}))

    assert world.run("list", "--json", "--device", "anna").json["letters"] == 1


def registry_down(_record: Record) -> TagsUpdate:
    raise DecoderUnavailable("the schema registry is down", mend="start it")


def test_to_look_at_letters_no_decoder_is_needed(kafka: Kafka) -> None:
    world = World(kafka, CONNECTOR_KAFKA_DECODER=f"{__name__}:{registry_down.__name__}")
    name, _ = world.refused("A", "B")

    said = world.run("list", "--json")
    assert (said.code, said.json["letters"]) == (0, 2)
    words = "the decoder can't work now: the schema registry is down; start it"
    assert said.err == f"how letters read today isn't known: {words}\n"
    said = world.run("show", name)
    assert (said.code, '"plan": "pro"' in said.out) == (0, True)
    assert f"can't be read now: {words}" in said.out

    for command in (["list", "--device", "A"], ["list", "--application", "AAAAA-BBBBB"], ["replay"]):
        said = world.run(*command)
        assert (said.code, said.out) == (1, ""), command
        assert said.err == f"{words}\n"


def test_a_mistyped_topic_is_told_with_those_that_have_letters(kafka: Kafka) -> None:
    world = World(kafka)
    world.refused("A")

    for command in ("list", "replay"):
        said = world.run(command, "--topic", "another")
        assert (said.code, said.out) == (2, "")
        words = f"no letter is of it, and it isn't configured; there are letters of {world.topic}"
        assert said.err == f"--topic another: {words}\n"
