"""What is known of schemas, what is asked for, and when: an outage, an answer, a second question."""

from __future__ import annotations

import ssl
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from connector.formats import schemas as module
from connector.formats.decoder import schemas_of
from connector.formats.framing import FormatError
from connector.formats.reading import Reader
from connector.formats.registry import Outage, Registry
from connector.formats.schemas import Schemas
from connector.model import DecoderUnavailable
from tests.clock import Clock
from tests.registry import FakeRegistry
from tests.unit.formats.framing_of import settings

SCHEMA = '{"type": "record", "name": "Event", "fields": [{"name": "hwid", "type": "string"}]}'


@pytest.fixture
def registry() -> Iterator[FakeRegistry]:
    with FakeRegistry() as made:
        yield made


def asked(schemas: Schemas, key: bytes) -> Reader | DecoderUnavailable | FormatError:
    """What there is to say about a schema, once the question that is under way is answered."""
    try:
        return schemas.reader(key)
    except FormatError as error:
        return error
    except DecoderUnavailable as unavailable:
        if unavailable.on_change is None:
            return unavailable
        done = threading.Event()
        unavailable.on_change(done.set)
        assert done.wait(10)
    return asked(schemas, key)


def outage(schemas: Schemas, key: bytes) -> DecoderUnavailable:
    found = asked(schemas, key)
    assert isinstance(found, DecoderUnavailable)
    assert found.outage
    return found


def test_nobody_waits_on_the_thread_that_decodes(registry: FakeRegistry) -> None:
    key = registry.register(SCHEMA).prefix
    registry.gate.clear()
    schemas = schemas_of("avro", settings(registry))
    with pytest.raises(DecoderUnavailable, match="the registry is asked for schema 1") as caught:
        schemas.reader(key)
    assert not caught.value.outage, "nobody knows yet"
    registry.gate.set()
    assert asked(schemas, key) is schemas.readers[key]


def test_a_registry_that_does_not_answer_is_said_to_be_down_in_time(registry: FakeRegistry) -> None:
    clock = Clock()
    registry.gate.clear()
    schemas = Schemas(
        lambda _: pytest.fail("no schema"),
        lambda: Registry(settings(registry), "AVRO"),
        patience=11,
        clock=clock,
    )
    for seconds, said in ((0, False), (11, False), (12, True)):
        clock.now = seconds
        with pytest.raises(DecoderUnavailable) as caught:
            schemas.reader(b"\0\0\0\0\x01")
        assert caught.value.outage is said
    assert "no answer about schema 1 for 12 s" in str(caught.value)
    registry.gate.set()


@pytest.mark.parametrize(
    ("status", "body", "words", "mend"),
    [
        (500, b'{"error_code": 50001, "message": "no"}', "answers 500: no", "look at the registry"),
        (503, b"<html>", "answers 503: Unknown", "look at the registry"),
        (429, b"{}", "answers 429", "look at the registry"),
        (401, b'{"error_code": 401, "message": "no"}', "answers 401: no", "schema_registry.username"),
        (403, b'{"error_code": 40301, "message": "no"}', "answers 403: no", "what they may read"),
        (404, b"<html>", "answers 404", "schema_registry.url: it leads to no"),
        (404, b'{"error_code": 404, "message": "HTTP 404"}', "answers 404: HTTP 404", "it leads to no"),
        (200, b"<html>", "can't be asked", "look at the registry"),
        (200, b'{"hello": 1}', "has no schema in it", "what answers there is no"),
        (200, b"[]", "can't be asked", "look at the registry"),
    ],
)  # fmt: skip
def test_what_is_no_answer_is_an_outage(
    registry: FakeRegistry, status: int, body: bytes, words: str, mend: str
) -> None:
    key = registry.register(SCHEMA).prefix
    registry.status, registry.body = status, body
    schemas = schemas_of("avro", settings(registry))
    schemas._clock = clock = Clock()
    found = outage(schemas, key)
    assert words in str(found)
    assert mend in found.mend
    before = len(registry.asked)
    assert words in str(outage(schemas, key))
    assert len(registry.asked) == before, "it is left alone for a while"
    registry.status = 0
    clock.now = module.FIRST_PAUSE
    assert asked(schemas, key) is schemas.readers[key]


def test_an_outage_lasts_until_an_answer_comes_and_is_asked_about_ever_more_seldom() -> None:
    registry = FakeRegistry()
    registry.start()
    key = registry.register(SCHEMA).prefix
    registry.stop()
    schemas = schemas_of("avro", settings(registry))
    schemas._clock = clock = Clock()
    pauses = []
    for _ in range(6):
        assert "Connect" in str(outage(schemas, key))
        pauses.append(schemas._quiet_until - clock.now)
        clock.now = schemas._quiet_until
    assert pauses == [1, 2, 4, 8, 10, 10]
    registry.restart()
    try:
        assert asked(schemas, key) is schemas.readers[key]
    finally:
        registry.stop()


def test_an_unknown_schema_is_asked_for_twice_and_later_again(registry: FakeRegistry) -> None:
    schemas = schemas_of("avro", settings(registry))
    schemas._clock = clock = Clock()
    schemas._ask_again = 0.01
    key = b"\0\0\0\0\x01"
    assert "asked twice, doesn't know it" in str(asked(schemas, key))
    assert len(registry.asked) == 2
    assert "doesn't know it" in str(asked(schemas, key))
    assert len(registry.asked) == 2, "remembered"
    registry.register(SCHEMA)
    clock.now = module.REMEMBER_UNKNOWN
    assert asked(schemas, key) is schemas.readers[key]


def test_a_schema_that_comes_between_the_two_questions_is_known(registry: FakeRegistry) -> None:
    schemas = schemas_of("avro", settings(registry))
    schemas._ask_again = 0.5
    key = b"\0\0\0\0\x01"
    with pytest.raises(DecoderUnavailable):
        schemas.reader(key)
    while not registry.asked:
        threading.Event().wait(0.001)
    registry.register(SCHEMA)
    assert asked(schemas, key) is schemas.readers[key]


def test_unknown_ids_do_not_fill_the_memory(monkeypatch: pytest.MonkeyPatch, registry: FakeRegistry) -> None:
    monkeypatch.setattr(module, "_MOST_UNKNOWN", 3)
    schemas = schemas_of("avro", settings(registry))
    schemas._ask_again = 0.0
    for number in range(10):
        assert isinstance(asked(schemas, b"\0\0\0\0" + bytes([number + 1])), FormatError)
        assert len(schemas._useless) <= 3


def test_protobuf_as_source_text_is_an_outage_not_bad_data(registry: FakeRegistry) -> None:
    key = registry.register('syntax = "proto3";', "PROTOBUF").prefix
    found = outage(schemas_of("protobuf", settings(registry)), key)
    assert "as source text" in str(found)
    assert "?format=serialized" in found.mend


# -- credentials and TLS -----------------------------------------------------------------------------


def test_the_password_is_read_again_from_its_file_and_never_shown(tmp_path: Path) -> None:
    file = tmp_path / "password"
    file.write_text("old-secret\n")
    with FakeRegistry(login=("connector", "new-secret")) as registry:
        key = registry.register(SCHEMA).prefix
        schemas = schemas_of("avro", settings(registry, username="connector", password_file=file))
        schemas._clock = clock = Clock()
        found = outage(schemas, key)
        assert "answers 401: Unauthorized" in str(found)
        assert "old-secret" not in str(found) + found.mend
        file.write_text("new-secret\n")
        clock.now = module.FIRST_PAUSE
        assert asked(schemas, key) is schemas.readers[key]


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An authority (ca.pem), and a server and a client of it (.pem, .key)."""
    folder = tmp_path_factory.mktemp("certificates")

    def openssl(*arguments: str) -> None:
        subprocess.run(["openssl", *arguments], cwd=folder, check=True, capture_output=True)

    new = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-keyout"]
    subject = ["-subj", "/CN=authority", "-addext", "keyUsage=critical,keyCertSign"]
    openssl("req", "-x509", *new, "ca.key", "-out", "ca.pem", "-nodes", "-days", "2", *subject)
    (folder / "names").write_text("subjectAltName=DNS:localhost\n")
    for name, secret in (("server", ["-nodes"]), ("client", ["-passout", "pass:key-secret"])):
        openssl("req", *new, f"{name}.key", "-out", f"{name}.csr", *secret, "-subj", f"/CN={name}")
        by = ["-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-days", "2", "-extfile", "names"]
        openssl("x509", "-req", "-in", f"{name}.csr", *by, "-out", f"{name}.pem")
    return folder


@pytest.fixture
def guarded(certificates: Path) -> Iterator[FakeRegistry]:
    """A registry that wants a client certificate."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=str(certificates / "ca.pem"))
    context.load_cert_chain(certificates / "server.pem", certificates / "server.key")
    context.verify_mode = ssl.CERT_REQUIRED
    with FakeRegistry(context=context) as registry:
        yield registry


def test_a_registry_is_asked_over_tls_with_the_given_authority_and_certificate(
    guarded: FakeRegistry, certificates: Path
) -> None:
    key = guarded.register(SCHEMA).prefix
    ours = {
        "ca_file": certificates / "ca.pem",
        "certificate_file": certificates / "client.pem",
        "key_file": certificates / "client.key",
    }
    schemas = schemas_of("avro", settings(guarded, **ours, key_password="key-secret"))
    assert asked(schemas, key) is schemas.readers[key]
    found = outage(schemas_of("avro", settings(guarded)), key)
    assert "CERTIFICATE_VERIFY_FAILED" in str(found)
    with pytest.raises(Outage, match="no connection can be made"):
        Registry(settings(guarded, **ours), "AVRO")


def test_a_look_at_the_registry_tells_whether_schemas_can_be_had(registry: FakeRegistry) -> None:
    with Registry(settings(registry), "AVRO") as there:
        there.reach()
        registry.status = 403
        with pytest.raises(Outage, match="answers 403"):
            there.reach()
