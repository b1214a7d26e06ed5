"""A schema registry for tests, over a real socket: what Confluent's client asks of one, and faults on demand.

Ids and GUIDs are given out in order. Protobuf schemas are kept as they are registered.
"""

from __future__ import annotations

import base64
import json
import ssl
import threading
import uuid
from collections.abc import Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple, Self
from urllib.parse import unquote, urlsplit


class Registered(NamedTuple):
    """A schema in the registry, and how a record says that it is of it."""

    id: int
    guid: uuid.UUID

    @property
    def prefix(self) -> bytes:
        return b"\0" + self.id.to_bytes(4)

    @property
    def header(self) -> list[tuple[str, bytes | None]]:
        return [("other", b"x"), ("__value_schema_id", b"\1" + self.guid.bytes)]


class FakeRegistry:
    """Serves schemas while it is entered. `status` other than 0 answers everything with that."""

    def __init__(
        self, *, login: tuple[str, str] | None = None, context: ssl.SSLContext | None = None
    ) -> None:
        self.login = login
        self.status = 0
        self.body = b'{"error_code": 50001, "message": "out of order"}'
        self.gate = threading.Event()
        """Nothing is answered while it is not set."""
        self.gate.set()
        self.asked: list[str] = []
        self._schemas: list[dict[str, Any]] = []
        self._versions: dict[str, list[int]] = {}
        self._context = context
        self._port = 0

    @property
    def url(self) -> str:
        return f"{'https' if self._context else 'http'}://localhost:{self._port}"

    def register(
        self,
        schema: str,
        kind: str = "AVRO",
        references: Sequence[tuple[str, str, int]] = (),
        subject: str = "events-value",
        **more: Any,
    ) -> Registered:
        """Register a schema; references are (name, subject, version)."""
        names = ("name", "subject", "version")
        found = {"schema": schema, "references": [dict(zip(names, each, strict=True)) for each in references]}
        if kind != "AVRO":
            found["schemaType"] = kind
        self._schemas.append({**found, **more})
        number = len(self._schemas)
        self._versions.setdefault(subject, []).append(number)
        return Registered(number, uuid.UUID(int=number))

    def answer(self, path: str) -> tuple[int, Any]:
        """What it says to a GET."""
        parts = [unquote(part) for part in urlsplit(path).path.strip("/").split("/")]
        match parts:
            case ["schemas", "ids", number]:
                found = int(number)
            case ["schemas", "guids", guid]:
                found = uuid.UUID(guid).int
            case ["subjects", subject, "versions", version]:
                numbers = self._versions.get(subject, [])
                if not 1 <= int(version) <= len(numbers):
                    return 404, {"error_code": 40402, "message": "Version not found."}
                found = numbers[int(version) - 1]
                return 200, {
                    "subject": subject,
                    "version": int(version),
                    "id": found,
                    **self._schemas[found - 1],
                }
            case _:
                return 404, {"error_code": 404, "message": "HTTP 404 Not Found"}
        if not 1 <= found <= len(self._schemas):
            return 404, {"error_code": 40403, "message": "Schema not found"}
        return 200, self._schemas[found - 1]

    def start(self, port: int = 0) -> None:
        registry = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                registry.asked.append(self.path)
                registry.gate.wait(30)
                status, content = registry.status, registry.body
                if not status and registry.login is not None and not self._let_in(*registry.login):
                    status, content = 401, b'{"error_code": 401, "message": "Unauthorized"}'
                if not status:
                    status, plain = registry.answer(self.path)
                    content = json.dumps(plain).encode()
                self.send_response(status)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            def _let_in(self, user: str, password: str) -> bool:
                wanted = base64.b64encode(f"{user}:{password}".encode()).decode()
                return self.headers["Authorization"] == f"Basic {wanted}"

            def log_message(self, *_: Any) -> None:
                """Nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
        if self._context is not None:
            self._server.socket = self._context.wrap_socket(self._server.socket, server_side=True)
        self._port = self._server.server_address[1]
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))
        self._thread.start()

    def stop(self) -> None:
        self.gate.set()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def restart(self) -> None:
        """Come back on the port that it had."""
        self.start(self._port)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
