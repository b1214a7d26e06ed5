"""Which proxy the environment wants between us and the API, and what is wrong with it."""

from __future__ import annotations

import os
from typing import NamedTuple
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

import httpx

from connector.settings.mistakes import ConfigurationError, Mistake
from connector.values import MASK

_ALLOWED = "http://HOST:PORT or https://HOST:PORT, with USER:PASSWORD@ before the host if need be"
_ESCAPED = "in a user's name or a password write %2F for /, %3F for ?, %23 for #, %40 for @, %25 for %"


class Proxy(NamedTuple):
    """A proxy, and the variable that names it; where the system's own settings do, their kind."""

    url: str
    variable: str

    @property
    def place(self) -> str:
        """Return its host and port. Its user and password are nobody's business."""
        return httpx.URL(self.url).netloc.decode("ascii")


def proxy_for(url: str) -> Proxy | None:
    """Tell which proxy the environment wants for a URL (`HTTPS_PROXY`, `ALL_PROXY`, `NO_PROXY`, ...).

    Raises ConfigurationError where that proxy can't be used.
    """
    parsed = httpx.URL(url)
    proxies = getproxies()
    kind = parsed.scheme if proxies.get(parsed.scheme) else "all"
    given = proxies.get(kind)
    if not given or proxy_bypass(parsed.host):
        return None
    proxy = Proxy(given if "://" in given else f"http://{given}", _variable(kind, given))
    problem = _problem(proxy.url)
    if problem:  # what was given isn't shown: where it is broken, any part of it may be a password
        raise ConfigurationError([Mistake(proxy.variable, problem, f"{MASK} in the environment", _ALLOWED)])
    return proxy


def _variable(kind: str, given: str) -> str:
    names = (f"{kind}_proxy", f"{kind.upper()}_PROXY")
    return next((name for name in names if os.environ.get(name) == given), names[-1])


def _problem(proxy: str) -> str:
    scheme = proxy.partition("://")[0].lower()
    if scheme not in ("http", "https"):
        socks = scheme in ("socks4", "socks4a", "socks5", "socks5h")
        return f"a proxy that speaks {scheme} can't be used" if socks else "it is no http or https proxy"
    try:
        parts = urlsplit(proxy)
        sound = bool(parts.hostname) and parts.port != 0 and bool(httpx.Proxy(proxy).url.host)
    except (ValueError, httpx.InvalidURL):
        sound = False
    if not sound or "@" in f"{parts.path}{parts.query}{parts.fragment}":
        return f"it is not the address of a proxy ({_ESCAPED})"
    return ""
