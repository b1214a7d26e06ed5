"""Whether to trace: OpenTelemetry's own environment variables say so, none of ours.

https://opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables/
"""

from __future__ import annotations

import importlib.util
import socket
from collections.abc import Mapping
from typing import NamedTuple

from structlog.typing import FilteringBoundLogger

from connector import __version__
from connector.core.engine import Engine
from connector.settings import Settings
from connector.tracing.guard import Guarded
from connector.tracing.watch import Observer

_ENDPOINTS = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT")
_PROTOCOLS = ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL")
_SPOKEN = "http/protobuf"


class Choice(NamedTuple):
    """Whether to trace, and why not where that was asked for and can't be."""

    on: bool
    problem: str = ""


def choose(environ: Mapping[str, str], *, installed: bool) -> Choice:
    """Decide by the environment. `installed`: the extra `tracing` is there."""
    given = {name: value.strip() for name, value in environ.items() if value.strip()}
    if given.get("OTEL_SDK_DISABLED", "").lower() == "true":
        return Choice(on=False)
    exporters = [each.strip() for each in given.get("OTEL_TRACES_EXPORTER", "").split(",") if each.strip()]
    if "none" in exporters or not (exporters or any(name in given for name in _ENDPOINTS)):
        return Choice(on=False)
    if exporters and "otlp" not in exporters:
        return Choice(on=False, problem="OTEL_TRACES_EXPORTER names no exporter that is there: use otlp")
    protocol = next((given[name] for name in _PROTOCOLS if name in given), _SPOKEN)
    if protocol != _SPOKEN:
        return Choice(
            on=False,
            problem=f"OTEL_EXPORTER_OTLP_PROTOCOL is {protocol}: spans can only go by {_SPOKEN}, "
            "which collectors take on port 4318",
        )
    if not installed:
        return Choice(
            on=False,
            problem="the environment asks for traces: pip install 'pushwoosh-connector[tracing]', "
            "or set OTEL_TRACES_EXPORTER=none",
        )
    return Choice(on=True)


def installed() -> bool:
    """Whether the extra is there. Looks, and imports nothing."""
    try:
        return importlib.util.find_spec("opentelemetry.exporter.otlp.proto.http") is not None
    except ModuleNotFoundError:  # not even the package around it
        return False


def observer_of(
    environ: Mapping[str, str], settings: Settings, engine: Engine, log: FilteringBoundLogger
) -> Observer:
    """Return what observes batches and jobs. If anything is wrong with tracing, do without it."""
    choice = choose(environ, installed=installed())
    problem = choice.problem
    if choice.on:
        try:
            observer = _spans(settings, engine)
        except (ImportError, ValueError, OSError) as error:  # of an OTEL_* variable, or a certificate's file
            problem = str(error)
        else:
            log.info("tracing", protocol=_SPOKEN)
            return Guarded(observer, log)
    if problem:
        log.warning("not tracing", reason=problem)
    return Observer()


def _spans(settings: Settings, engine: Engine) -> Observer:
    # Imported here: who doesn't trace neither needs nor loads them.
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter  # noqa: PLC0415 - extra
    from opentelemetry.sdk.resources import OTELResourceDetector, Resource  # noqa: PLC0415 - an extra, as above
    from opentelemetry.sdk.trace import TracerProvider  # noqa: PLC0415 - an extra, as above
    from opentelemetry.sdk.trace.export import BatchSpanProcessor  # noqa: PLC0415 - an extra, as above

    from connector.tracing.spans import Spans  # noqa: PLC0415 - an extra, as above

    named = OTELResourceDetector().detect().attributes
    own = {
        "service.name": "pushwoosh-connector",
        "service.version": __version__,
        "service.instance.id": socket.gethostname(),
    }
    resource = Resource.create({name: value for name, value in own.items() if name not in named})
    provider = TracerProvider(resource=resource, shutdown_on_exit=False)
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    return Spans(
        provider,
        engine,
        group=settings.kafka.group_id,
        api=settings.pushwoosh.url,
        code_of=settings.pushwoosh.code_of,
    )
