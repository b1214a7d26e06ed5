"""Durations, sizes and secrets as they are written in settings."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from connector import values


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("500ms", 0.5),
        ("2s", 2.0),
        ("15m", 900.0),
        ("1h", 3600.0),
        ("1.5s", 1.5),
        (" 2 s ", 2.0),
        ("0", 0.0),
        (0, 0.0),
        ("0s", 0.0),
    ],
)
def test_a_duration_is_a_number_with_its_unit(text: object, seconds: float) -> None:
    assert values.parse_duration(text) == seconds


@pytest.mark.parametrize(
    "wrong", ["5", 5, 1.5, "5 minutes", "-1s", "1d", "", "s", True, None, [], "1m30s", "nan s"]
)
def test_a_duration_without_a_known_unit_is_refused(wrong: object) -> None:
    with pytest.raises(ValueError, match="unit"):
        values.parse_duration(wrong)


@given(st.integers(min_value=0, max_value=10**10))
@example(604_799_999)  # a week less a millisecond: more digits than `g` writes without an exponent
def test_a_written_duration_reads_back(milliseconds: int) -> None:
    seconds = milliseconds / 1000
    assert values.parse_duration(values.format_duration(seconds)) == pytest.approx(seconds)


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("512KiB", 524_288),
        ("4MiB", 4_194_304),
        ("1GiB", 1 << 30),
        ("1048576", 1_048_576),
        (1024, 1024),
        ("100B", 100),
        ("4mib", 4_194_304),
        ("0.5KiB", 512),
    ],
)
def test_a_size_is_bytes_or_a_number_with_a_binary_unit(text: object, size: int) -> None:
    assert values.parse_size(text) == size


@pytest.mark.parametrize("wrong", ["4MB", "4k", "-1", "", "MiB", True, None, "0.1B", "1e6"])
def test_a_size_with_another_unit_is_refused(wrong: object) -> None:
    with pytest.raises(ValueError, match="size"):
        values.parse_size(wrong)


@given(st.integers(min_value=0, max_value=1 << 50))
def test_a_written_size_reads_back(size: int) -> None:
    assert values.parse_size(values.format_size(size)) == size


def test_a_list_is_an_array_or_text_with_commas() -> None:
    assert values.parse_list("a, b,,c ,") == ("a", "b", "c")
    assert values.parse_list(["a", " b"]) == ("a", "b")
    assert values.parse_list("") == ()


@pytest.mark.parametrize("wrong", [3, ["a", 1], {"a": 1}])
def test_a_list_of_anything_but_names_is_refused(wrong: object) -> None:
    with pytest.raises(ValueError, match="list of names"):
        values.parse_list(wrong)


@pytest.mark.parametrize(
    "brokers", ["a", "a:9092,b_1:9093", "[::1]:9092", "10.0.0.1:9092", "b-0.kafka.svc.:1"]
)
def test_brokers_are_hosts_and_ports(brokers: str) -> None:
    assert values.broker_list(brokers) == brokers


@pytest.mark.parametrize("wrong", ["", "a:0", "a:70000", "a:b", "a b:1", "http://a/b", "a:1:2", [":9092"]])
def test_brokers_that_are_none_are_refused(wrong: object) -> None:
    with pytest.raises(ValueError, match=r"host:port|no broker"):
        values.broker_list(wrong)


@pytest.mark.parametrize("wrong", ["http://localhost:9092", "PLAINTEXT://a:1", "SASL_SSL://me:hush@a:1"])
def test_brokers_with_a_scheme_are_refused_with_where_it_belongs(wrong: str) -> None:
    with pytest.raises(ValueError, match=r"has a scheme.*security\.protocol") as refused:
        values.broker_list(wrong)
    assert "hush" not in str(refused.value)


@pytest.mark.parametrize(
    "host", ["0.0.0.0", "::", "::1", "fe80::1%eth0", "localhost", "a_b.c-d.example.", "7.example"]
)
def test_a_host_is_an_address_or_a_name(host: str) -> None:
    assert values.host_name(host) == host


@pytest.mark.parametrize(
    "wrong", ["999.1.1.1", "10.0.0", "a..b", "-a", "a-", "a b", "a/b", "ä", "x" * 64, "", ":::1"]
)
def test_what_is_neither_an_address_nor_a_host_s_name_is_refused(wrong: str) -> None:
    with pytest.raises(ValueError, match="neither an IP address nor a host's name"):
        values.host_name(wrong)
    with pytest.raises(ValueError, match=r"neither an IP|not host:port|no broker"):
        values.broker_list(f"{wrong}:9092" if wrong else "")


@pytest.mark.parametrize("wrong", ["^events.*", "a b", "", ".", "..", "ä", "x" * 250])
def test_a_pattern_is_no_topic_name(wrong: str) -> None:
    with pytest.raises(ValueError, match="topic's name"):
        values.topic_name(wrong)


def test_bare_dots_of_a_toml_table_are_part_of_a_property_name() -> None:
    nested = {"ssl": {"ca": {"location": "/ca"}}, "socket.keepalive.enable": True, "linger": {"ms": 5}}

    assert dict(values.parse_properties(nested)) == {
        "ssl.ca.location": "/ca",
        "socket.keepalive.enable": "true",
        "linger.ms": "5",
    }


def test_lines_of_properties_keep_equals_signs_of_values_and_drop_comments() -> None:
    text = "# comment\n! too\n\n sasl.password = a=b=c \nempty=\n"

    assert dict(values.parse_properties(text)) == {"sasl.password": "a=b=c", "empty": ""}


def test_a_line_that_is_no_property_is_named_by_number_not_shown() -> None:
    with pytest.raises(ValueError, match=r"^line 2 is not key=value$"):
        values.parse_properties("a=b\nhush-hush")


@pytest.mark.parametrize(
    "name",
    [
        "sasl.password",
        "ssl.key.password",
        "sasl.oauthbearer.client.secret",
        "sasl.jaas.config",
        "ssl.key.pem",
        "sasl.oauthbearer.assertion.private.key.passphrase",
        "SASL.PASSWORD",
    ],
)
def test_a_secret_property_is_never_shown(name: str) -> None:
    properties = values.Properties({name: "hush", "linger.ms": "5"})

    assert "hush" not in f"{properties!r} {properties} {properties.masked()}"
    assert properties[name] == "hush"
    assert properties.masked()["linger.ms"] == "5"


def test_user_and_password_of_an_address_are_masked() -> None:
    assert values.masked_url("http://me:hush@host/x") == f"http://{values.MASK}@host/x"
    assert values.Properties({"proxy": "http://me:hush@host"}).masked() == {
        "proxy": f"http://{values.MASK}@host"
    }


def test_a_properties_file_that_is_not_utf_8_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "a.properties"
    file.write_bytes(b"a=\xff")
    with pytest.raises(ValueError, match="not UTF-8"):
        values.read_properties(file)


def test_a_function_is_found_by_module_and_name() -> None:
    assert values.load_function("os.path:join")("a", "b") == "a/b"
    assert values.load_function("pathlib:Path.cwd")() == Path.cwd()


@pytest.mark.parametrize(
    ("reference", "why"),
    [
        ("os.path", "package.module:function"),
        (":join", "package.module:function"),
        ("os.path:", "package.module:function"),
        ("no.such.module:f", "ModuleNotFoundError"),
        ("os.path:nope", "AttributeError"),
        ("os:sep", "no function"),
        ("antigravity_of_ours:f", r"looked for in .*PYTHONPATH"),
    ],
)
def test_a_function_that_is_none_is_refused_with_why(reference: str, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        values.load_function(reference)


def test_a_module_that_exits_while_it_is_imported_is_refused_with_why(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "leaving.py").write_text("raise SystemExit(3)")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(ValueError, match="SystemExit: 3"):
        values.load_function("leaving:f")
