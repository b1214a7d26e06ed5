"""How requests reach the API: httpx's own transport, or a faster one over aiohttp where that suffices.

Measured (Python 3.11, uvloop, 8 at a time; a POST of 150 KB and a GET of 73 KB against a local
server): `httpx.AsyncClient` takes 1.3 ms of CPU, `httpx.AsyncHTTPTransport` called directly 1.15,
the transport here 0.32. At a thousand events a job that is 1 us an event, a quarter of all.

HTTP/2 and proxies are left to httpx's own.

Both ask the function in a request's extension `may_go` once more when there is a connection, before a byte
of the request is written: to connect, or to wait for a connection, takes its time. If it says no,
`NotSentError` is raised.
"""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from weakref import WeakSet

import aiohttp
import httpx
import yarl

from connector.pushwoosh.proxy import Proxy

KEEP_ALIVE = 4.0
"""Seconds that an idle connection is kept. Common servers close theirs after 5: a request that meets
a connection just being closed may or may not have been taken, so be earlier."""

_LONGEST_HEADER = 1 << 16
"""Bytes of a header of a reply. aiohttp's own 8,190 would hide that a POST was accepted, each time."""

_LARGE = 1 << 20
"""Bytes of a body from which aiohttp warns unless it is given in pieces."""
_PIECE = 1 << 18


def transport_to(url: str, proxy: Proxy | None, *, http2: bool, connections: int) -> httpx.AsyncBaseTransport:
    """Choose the transport for a URL. Raises ImportError for HTTP/2 without the package `h2`."""
    if not http2 and proxy is None:
        context = httpx.create_ssl_context() if httpx.URL(url).scheme == "https" else None  # 40 ms of work
        return DirectTransport(context, connections)
    limits = httpx.Limits(
        max_connections=connections, max_keepalive_connections=connections, keepalive_expiry=KEEP_ALIVE
    )
    context = httpx.create_ssl_context()
    return HttpxTransport(verify=context, http2=http2, limits=limits, proxy=proxy.url if proxy else None)


class NotSentError(Exception):
    """Not a byte of the request was sent, because `may_go` said no."""


_MAY_GO: ContextVar[Callable[[], bool] | None] = ContextVar("_MAY_GO", default=None)
"""The `may_go` of this task's request. aiohttp has no place for it in a request, and shares one connector
among all: an attribute of that would belong to whichever request came last."""


class _Connector(aiohttp.TCPConnector):
    """Asks once more before anything is written. A connection that isn't used after all is kept.

    One on which something came while it was idle is closed: a server or a gateway that repeats a reply would
    else have answered the next request with it, and aiohttp doesn't look.
    """

    def __init__(self, *, limit: int, ssl: ssl.SSLContext | bool) -> None:
        super().__init__(limit=limit, keepalive_timeout=KEEP_ALIVE, ssl=ssl)
        self._used: WeakSet[aiohttp.client_proto.ResponseHandler] = WeakSet()
        """Connections that had a request already. On a new one whatever is there may speak first."""

    async def connect(
        self,
        req: aiohttp.ClientRequest,
        traces: list[aiohttp.tracing.Trace],
        timeout: aiohttp.ClientTimeout,  # noqa: ASYNC109 - aiohttp's own
    ) -> aiohttp.connector.Connection:
        connection = await super().connect(req, traces, timeout)
        while self._spoilt(connection):
            connection.close()
            connection = await super().connect(req, traces, timeout)
        may_go = _MAY_GO.get()
        if may_go is not None and not may_go():
            connection.release()
            raise NotSentError
        return connection

    def _spoilt(self, connection: aiohttp.connector.Connection) -> bool:
        """Whether something came on a kept connection while it was idle."""
        protocol = connection.protocol
        if protocol is None or protocol not in self._used:
            if protocol is not None:
                self._used.add(protocol)
            return False
        return protocol.should_close


class HttpxTransport(httpx.AsyncHTTPTransport):
    """HTTP/2 and proxies. A connection that isn't used after all is closed, unless it is HTTP/2."""

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        may_go = request.extensions.get("may_go")
        if may_go is not None:
            request.extensions = {**request.extensions, "trace": _asking(may_go)}
        return await super().handle_async_request(request)


def _asking(may_go: Callable[[], bool]) -> Callable[[str, object], Coroutine[None, None, None]]:
    """Make a `trace` for httpcore, which tells it of each step and lets what it raises end the request.

    It must not wait: between taking an HTTP/2 stream's number and using it there may be no other request. A
    proxy's CONNECT is asked about, too, and then the request itself.
    """

    async def trace(event: str, _: object) -> None:
        if event.endswith(".send_request_headers.started") and not may_go():
            raise NotSentError

    return trace


class DirectTransport(httpx.AsyncBaseTransport):
    """HTTP/1.1 with keep-alive over aiohttp. Raises what httpx's own transport raises.

    Takes the time limits of the request's extension `timeout`, as httpx does. A GET that meets a connection
    which the server has closed is sent once more by aiohttp; a POST never is.
    """

    def __init__(self, context: ssl.SSLContext | None, connections: int) -> None:
        self._context = context
        self._connections = connections
        self._session: aiohttp.ClientSession | None = None

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        limits = request.extensions.get("timeout", {})
        _MAY_GO.set(request.extensions.get("may_go"))
        with _httpx_errors():
            response = await self._open_session().request(
                request.method,
                yarl.URL(str(request.url), encoded=True),
                headers=request.headers.multi_items(),
                data=_body(request),
                allow_redirects=False,
                timeout=aiohttp.ClientTimeout(
                    total=None,
                    connect=limits.get("connect"),
                    sock_connect=limits.get("connect"),
                    sock_read=limits.get("read"),
                ),
            )
        return httpx.Response(response.status, headers=response.raw_headers, stream=_Body(response))

    async def aclose(self) -> None:
        if self._session is not None:
            await self._session.close()
            self._session = None

    def _open_session(self) -> aiohttp.ClientSession:
        """Open the session within the event loop that will use it."""
        if self._session is None:
            self._session = aiohttp.ClientSession(
                connector=_Connector(limit=self._connections, ssl=self._context or True),
                cookie_jar=aiohttp.DummyCookieJar(),
                auto_decompress=False,  # httpx does that
                skip_auto_headers=("Accept", "Accept-Encoding", "Content-Type", "User-Agent"),
                max_line_size=_LONGEST_HEADER,
                max_field_size=_LONGEST_HEADER,
            )
        return self._session


class _Body(httpx.AsyncByteStream):
    """The body of a reply as it arrives. Closed before its end, it takes the connection with it."""

    def __init__(self, response: aiohttp.ClientResponse) -> None:
        self._response = response

    async def __aiter__(self) -> AsyncIterator[bytes]:
        with _httpx_errors():
            async for chunk in self._response.content.iter_any():
                yield chunk

    async def aclose(self) -> None:
        self._response.close() if not self._response.content.at_eof() else self._response.release()


def _body(request: httpx.Request) -> bytes | AsyncIterator[bytes] | None:
    content = request.content
    if len(content) < _LARGE:
        return content or None
    return _pieces(content)  # the Content-Length that httpx wrote keeps it from being chunked


async def _pieces(content: bytes) -> AsyncIterator[bytes]:
    view = memoryview(content)
    for start in range(0, len(content), _PIECE):
        yield bytes(view[start : start + _PIECE])


_ERRORS: tuple[tuple[type[Exception], type[httpx.RequestError]], ...] = (
    (aiohttp.ConnectionTimeoutError, httpx.ConnectTimeout),
    (aiohttp.ClientConnectorError, httpx.ConnectError),
    (aiohttp.SocketTimeoutError, httpx.ReadTimeout),
    (aiohttp.ServerTimeoutError, httpx.ReadTimeout),
    (aiohttp.ServerDisconnectedError, httpx.RemoteProtocolError),
    (aiohttp.ClientResponseError, httpx.RemoteProtocolError),
    (aiohttp.ClientPayloadError, httpx.RemoteProtocolError),
    (aiohttp.InvalidURL, httpx.UnsupportedProtocol),
    (aiohttp.NonHttpUrlClientError, httpx.UnsupportedProtocol),
    (aiohttp.ClientError, httpx.ReadError),
    (OSError, httpx.ReadError),
)
"""Of aiohttp's errors the first that fits. Only the first two say that the request never left: the
package httpx-aiohttp reports every lost connection as a connect timeout, so it can't be used here."""


@contextmanager
def _httpx_errors() -> Iterator[None]:
    try:
        yield
    except (aiohttp.ClientError, OSError) as error:
        for theirs, ours in _ERRORS:
            if isinstance(error, theirs):
                words = str(error).replace(" ssl:default", "")  # aiohttp says that where there is no TLS, too
                raise ours(words or type(error).__name__) from error
        raise  # pragma: no cover - the last two of the table take them all
