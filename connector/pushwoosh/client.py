"""The Audience API as two calls, one HTTP request each, that return an answer and never raise.

Retries, gate and schedule are the engine's. Knows nothing of batches or events.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterable, Callable, Mapping, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import NamedTuple, Self, cast

import httpx

from connector import __version__
from connector.answers import PollAnswer, PostAnswer, Unavailable, Unsent
from connector.model import Endpoint
from connector.pushwoosh import wire, words
from connector.pushwoosh.proxy import proxy_for
from connector.pushwoosh.retry_after import by_its_clock
from connector.pushwoosh.transport import NotSentError, transport_to

LARGEST_REPLY = 64 << 20
"""Bytes of a reply after which it isn't read further: a report of 1,000 devices takes 0.1 MiB."""

Observe = Callable[[Endpoint, str, int, float], None]
"""Called after each call: endpoint, method, HTTP status or `NO_REPLY`, seconds."""

NO_REPLY = 0
"""Instead of a status: the call failed, was cancelled, or its reply could not be read to its end."""


@dataclass(frozen=True)
class CallLimits:
    """Seconds to connect, of silence while reading or writing, of a whole call; and calls at once."""

    connect: float
    silence: float
    total: float
    connections: int


_JSON = {"Content-Type": "application/json"}


class _Reply(NamedTuple):
    status: int
    body: bytes
    retry_after: str | None


class _NoReplyError(Exception):
    """The call ended without a reply: why, in words, and whether it was sent."""

    def __init__(self, message: str, *, sent: bool) -> None:
        super().__init__(message)
        self.sent = sent


_FAILURES: tuple[tuple[type[Exception], str, bool], ...] = (
    (TimeoutError, "timeout", True),
    (httpx.ConnectTimeout, "connect timeout", False),
    (httpx.PoolTimeout, "pool timeout", False),
    (httpx.ReadTimeout, "read timeout", True),
    (httpx.WriteTimeout, "write timeout", True),
    (httpx.ConnectError, "connect error", False),
    (httpx.ProxyError, "proxy error", False),
    (httpx.UnsupportedProtocol, "unsupported protocol", False),
    (httpx.LocalProtocolError, "local protocol error", False),
    (httpx.RemoteProtocolError, "protocol error", True),
    (httpx.ReadError, "read error", True),
    (httpx.WriteError, "write error", True),
    (httpx.DecodingError, "decoding error", True),
    (httpx.HTTPError, "error", True),
    (OSError, "error", True),
)
"""Failures, words for them, and whether the request may have reached the API; the first that fits."""

_NO_TLS = ("WRONG_VERSION_NUMBER", "wrong version number")
"""What OpenSSL says of a first reply that is no TLS at all, as that of a plain HTTP server."""


class AudienceClient:
    """Calls the Audience API v2 at `url` (scheme, host, perhaps a path in front).

    `authorization` is sent as that header, if given; the API documents none. `authorizations` are those of
    applications with one of their own, by the `application` that `post` and `poll` get. At most
    `limits.connections` calls run at once, further ones wait their turn outside of any time
    limit. `secrets` gives what must never show in a message; `clock` is seconds since the epoch.
    A `transport` of one's own (`httpx.ASGITransport`, `httpx.MockTransport`) replaces the network. Raises
    ImportError for HTTP/2 without the package `h2`, ConfigurationError for a proxy that can't be used.
    """

    def __init__(  # noqa: PLR0913 - each by its name
        self,
        url: str,
        *,
        limits: CallLimits,
        authorization: str | None = None,
        authorizations: Mapping[str, str] | None = None,
        http2: bool = False,
        secrets: Callable[[], Sequence[str]] = tuple,
        clock: Callable[[], float] = time.time,
        observe: Observe | None = None,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        self._url = url.rstrip("/")
        self._limits = limits
        self._secrets = secrets
        own = authorizations or {}
        self._authorizations = [*([] if authorization is None else [authorization]), *own.values()]
        self._clock = clock
        self._observe = observe
        self.proxy = None if transport else proxy_for(url)
        """What its calls go by, if the environment wants that."""
        self._by = f" by the proxy {self.proxy.place}" if self.proxy else ""
        self._transport = transport or transport_to(
            url, self.proxy, http2=http2, connections=self._limits.connections
        )
        self._turns = asyncio.Semaphore(self._limits.connections)
        headers = {
            "Accept": "application/json",
            "Accept-Encoding": "gzip",
            "User-Agent": f"pushwoosh-connector/{__version__}",
        }
        if authorization is not None:
            headers["Authorization"] = authorization
        self._get_headers = httpx.Headers(headers)
        self._post_headers = httpx.Headers(headers | _JSON)
        with_own = {application: headers | {"Authorization": own[application]} for application in own}
        self._own_get_headers = {name: httpx.Headers(each) for name, each in with_own.items()}
        self._own_post_headers = {name: httpx.Headers(each | _JSON) for name, each in with_own.items()}
        # Reading a URL costs httpx 40 us: those that stay the same are read once.
        self._post_urls = {endpoint: httpx.URL(self._url + wire.post_path(endpoint)) for endpoint in Endpoint}
        silence = self._limits.silence
        self._extensions = {
            "timeout": {
                "connect": self._limits.connect,
                "read": silence,
                "write": silence,
                "pool": self._limits.total,
            }
        }

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Close the connections. Calls under way fail."""
        await self._transport.aclose()

    async def post(
        self,
        endpoint: Endpoint,
        body: bytes,
        *,
        application: str = "",
        may_go: Callable[[], bool] | None = None,
    ) -> PostAnswer:
        """Send a batch, as `wire.request_body` writes it: with its application's code and token in it.

        `may_go` is asked when it is the call's turn, and again when there is a connection to write to (unless
        a `transport` of one's own doesn't support that). If it returns False, nothing is sent.
        """
        request = httpx.Request(
            "POST",
            self._post_urls[endpoint],
            headers=self._own_post_headers.get(application, self._post_headers),
            content=body,
            extensions=self._extensions if may_go is None else {**self._extensions, "may_go": may_go},
        )
        try:
            reply = await self._call(endpoint, request)
        except NotSentError:
            return Unsent("this process may not send it any more")
        except _NoReplyError as error:
            return Unavailable(self._shown(error), maybe_accepted=error.sent)
        return wire.read_post(reply.status, reply.body, reply.retry_after, self._clock(), self._hidden())

    async def poll(
        self, endpoint: Endpoint, request_id: str, *, detailed: bool, application: str = ""
    ) -> PollAnswer:
        """Ask for a job, with a row for each device if `detailed`."""
        url = self._url + wire.poll_path(endpoint, request_id, detailed=detailed)
        headers = self._own_get_headers.get(application, self._get_headers)
        request = httpx.Request("GET", url, headers=headers, extensions=self._extensions)
        try:
            reply = await self._call(endpoint, request)
        except _NoReplyError as error:
            return Unavailable(self._shown(error))
        return wire.read_poll(
            reply.status,
            reply.body,
            reply.retry_after,
            self._clock(),
            self._hidden(),
            request_id=request_id,
        )

    async def _call(self, endpoint: Endpoint, request: httpx.Request) -> _Reply:
        """Make one HTTP call and tell the observer.

        Raises `_NoReplyError`; or `NotSentError`, of which the observer is not told, as there was no call.
        """
        async with self._turns:
            began = time.perf_counter()
            status: int | None = NO_REPLY
            try:
                async with asyncio.timeout(self._limits.total):
                    reply = await self._exchange(request)
                status = reply.status
            except NotSentError:
                status = None
                raise
            except (httpx.HTTPError, OSError) as error:  # asyncio's TimeoutError is an OSError
                raise self._failure(error) from error
            finally:
                if self._observe is not None and status is not None:
                    self._observe(endpoint, request.method, status, time.perf_counter() - began)
        return reply

    async def _exchange(self, request: httpx.Request) -> _Reply:
        may_go = request.extensions.get("may_go")
        if may_go is not None and not may_go():
            raise NotSentError
        response = await self._transport.handle_async_request(request)
        response.request = request
        try:
            chunks, size = [], 0
            async for chunk in _decoded(response):
                chunks.append(chunk)
                size += len(chunk)
                if size > LARGEST_REPLY:
                    raise _NoReplyError(f"The reply is larger than {LARGEST_REPLY:,} bytes", sent=True)
        finally:
            await response.aclose()
        retry_after = by_its_clock(response.headers.get("Retry-After"), response.headers.get("Date"))
        return _Reply(response.status_code, b"".join(chunks), retry_after)

    def _failure(self, error: Exception) -> _NoReplyError:
        what, sent = next((what, sent) for kind, what, sent in _FAILURES if isinstance(error, kind))
        if isinstance(error, TimeoutError):
            return _NoReplyError(f"No whole reply within {self._limits.total:g} s{self._by}", sent=sent)
        words = str(error) or type(error).__name__
        if any(each in words for each in _NO_TLS):
            words = f"what answers there speaks no TLS: try http:// instead of https:// ({words})"
        return _NoReplyError(f"{what}{self._by}: {words}", sent=sent)

    def _shown(self, error: _NoReplyError) -> str:
        return words.shown(str(error), 0, self._hidden())

    def _hidden(self) -> Sequence[str]:
        mine = [part for each in self._authorizations for part in (each, each.split(" ")[-1])]
        return (*self._secrets(), *mine)


def _decoded(response: httpx.Response) -> AsyncIterable[bytes]:
    """Yield a reply's body as it was before it was compressed, if it was: else httpx's decoder only costs."""
    coding = response.headers.get("Content-Encoding")
    if coding is None:
        return cast("httpx.AsyncByteStream", response.stream)
    response.headers["Content-Encoding"] = coding.lower().replace("x-gzip", "gzip")  # RFC 9110, 8.4.1.3
    return response.aiter_bytes()
