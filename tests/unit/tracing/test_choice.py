"""When spans are made: what OpenTelemetry's variables say, if the extra is there."""

from __future__ import annotations

import builtins
from collections.abc import Mapping
from typing import Any, cast

import pytest
import structlog
from structlog.testing import capture_logs
from structlog.typing import FilteringBoundLogger

from connector import __version__
from connector.core.engine import Engine
from connector.tracing import choice
from connector.tracing.choice import choose, observer_of
from connector.tracing.watch import Observer
from tests.settings import with_environment
from tests.unit.core.builders import limits

ENDPOINT = {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:1"}


@pytest.mark.parametrize(
    "environ",
    [
        ENDPOINT,
        {"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://127.0.0.1:1/v1/traces"},
        {"OTEL_TRACES_EXPORTER": "otlp"},
        {"OTEL_TRACES_EXPORTER": "console, otlp"},
        {**ENDPOINT, "OTEL_SDK_DISABLED": "false"},
        {**ENDPOINT, "OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf"},
        {
            **ENDPOINT,
            "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc",
            "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL": "http/protobuf",
        },
    ],
)
def test_it_is_on_where_the_environment_says_where_spans_go(environ: Mapping[str, str]) -> None:
    assert choose(environ, installed=True) == (True, "")


@pytest.mark.parametrize(
    "environ",
    [
        {},
        {"OTEL_EXPORTER_OTLP_ENDPOINT": " "},
        {"OTEL_SERVICE_NAME": "connector"},
        {"OTEL_EXPORTER_OTLP_METRICS_ENDPOINT": "http://127.0.0.1:1"},
        {**ENDPOINT, "OTEL_SDK_DISABLED": "TRUE"},
        {**ENDPOINT, "OTEL_TRACES_EXPORTER": "none"},
    ],
)
@pytest.mark.parametrize("installed", [True, False])
def test_it_is_off_in_silence_where_nobody_asks_for_it(
    environ: Mapping[str, str], *, installed: bool
) -> None:
    assert choose(environ, installed=installed) == (False, "")


@pytest.mark.parametrize(
    ("environ", "installed", "words"),
    [
        (ENDPOINT, False, "pip install 'pushwoosh-connector[tracing]'"),
        ({**ENDPOINT, "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"}, True, "port 4318"),
        ({**ENDPOINT, "OTEL_TRACES_EXPORTER": "zipkin"}, True, "use otlp"),
    ],
)
def test_where_it_is_asked_for_and_cannot_be_it_says_what_to_do(
    environ: Mapping[str, str], words: str, *, installed: bool
) -> None:
    chosen = choose(environ, installed=installed)
    assert not chosen.on
    assert words in chosen.problem


def test_the_extra_is_looked_for_where_it_is() -> None:
    assert choice.installed()


def log() -> FilteringBoundLogger:
    return cast("FilteringBoundLogger", structlog.get_logger())


async def test_what_is_wrong_with_a_variable_is_told_and_the_connector_goes_on(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name, value in {**ENDPOINT, "OTEL_SPAN_LINK_COUNT_LIMIT": "many"}.items():
        monkeypatch.setenv(name, value)
    with capture_logs() as lines:
        observer = observer_of(ENDPOINT, with_environment(), Engine(limits(), lambda: 0.5), log())
    assert type(observer) is Observer
    assert [line["event"] for line in lines] == ["not tracing"]
    assert "OTEL_SPAN_LINK_COUNT_LIMIT" in lines[0]["reason"]


def test_nothing_of_opentelemetry_is_loaded_where_it_is_off(monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def guarded(name: str, *arguments: Any, **more: Any) -> Any:
        looked_for = more.get("fromlist") == ["__path__"]  # importlib's, whether there is such a package
        assert looked_for or not name.startswith("opentelemetry")
        return real(name, *arguments, **more)

    monkeypatch.setattr(builtins, "__import__", guarded)
    with capture_logs() as lines:
        observer = observer_of({}, with_environment(), Engine(limits(), lambda: 0.5), log())
    assert type(observer) is Observer
    assert lines == []


@pytest.mark.parametrize(
    ("variables", "name"),
    [({}, "pushwoosh-connector"), ({"OTEL_SERVICE_NAME": "ours"}, "ours")],
)
async def test_where_it_is_on_spans_say_which_service_they_are_of(
    monkeypatch: pytest.MonkeyPatch, variables: Mapping[str, str], name: str
) -> None:
    for variable, value in {**ENDPOINT, **variables}.items():
        monkeypatch.setenv(variable, value)
    with capture_logs() as lines:
        observer = observer_of(ENDPOINT, with_environment(), Engine(limits(), lambda: 0.5), log())
        found: Any = observer
        attributes = found._observer._provider.resource.attributes
        await observer.close()
    assert [line["event"] for line in lines] == ["tracing"]
    assert attributes["service.name"] == name
    assert attributes["service.version"] == __version__
    assert attributes["service.instance.id"]
