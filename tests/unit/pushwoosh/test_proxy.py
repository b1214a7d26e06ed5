"""Which proxy the environment names, and what is said of it."""

from __future__ import annotations

import pytest

from connector.answers import Unavailable
from connector.model import Endpoint
from connector.pushwoosh.client import AudienceClient
from connector.pushwoosh.proxy import Proxy, proxy_for
from connector.pushwoosh.transport import DirectTransport, HttpxTransport, transport_to
from connector.settings.mistakes import ConfigurationError
from tests.unit.pushwoosh.tiny_server import QUICK

API = "https://api.test"


@pytest.fixture(autouse=True)
def _no_proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)


def test_proxies_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    assert proxy_for(API) is None
    assert isinstance(transport_to(API, proxy_for(API), http2=False, connections=1), DirectTransport)
    monkeypatch.setenv("HTTPS_PROXY", "proxy.test:3128")
    monkeypatch.setenv("NO_PROXY", "localhost,inside.test")
    assert proxy_for(f"{API}/path") == Proxy("http://proxy.test:3128", "HTTPS_PROXY")
    assert proxy_for("http://api.test") is None
    assert proxy_for("https://api.inside.test") is None
    assert isinstance(transport_to(API, proxy_for(API), http2=False, connections=1), HttpxTransport)
    monkeypatch.setenv("all_proxy", "http://other.test")
    assert proxy_for("http://api.test") == Proxy("http://other.test", "all_proxy")


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ("socks5://user:secret@proxy.test:1080", "a proxy that speaks socks5 can't be used"),
        ("socks4://proxy.test", "a proxy that speaks socks4 can't be used"),
        ("secret://proxy.test", "it is no http or https proxy"),
        ("::::", "it is not the address of a proxy"),
        ("http://", "it is not the address of a proxy"),
        ("http://[::1:99", "it is not the address of a proxy"),
        ("http://proxy.test:99999", "it is not the address of a proxy"),
        ("http://proxy..test\x7f", "it is not the address of a proxy"),
        ("http://user:secret", "it is not the address of a proxy"),
        ("http://user:sec/secret@proxy.test:3128", "in a user's name or a password write %2F for /"),
        ("http://user:12/secret@proxy.test:3128", "in a user's name or a password write %2F for /"),
        ("http://user:12#secret@proxy.test:3128", "%23 for #"),
        ("http://user:12?secret@proxy.test:3128", "%3F for ?"),
    ],
)
def test_a_proxy_that_cannot_be_used_is_a_mistake_that_names_its_variable_and_shows_no_password(
    monkeypatch: pytest.MonkeyPatch, given: str, says: str
) -> None:
    monkeypatch.setenv("ALL_PROXY", given)
    with pytest.raises(ConfigurationError) as raised:
        proxy_for(API)
    text = str(raised.value)
    assert "ALL_PROXY: " in text
    assert says in text
    assert "allowed: http://HOST:PORT or https://HOST:PORT" in text
    assert "sec" not in text


@pytest.mark.parametrize(
    ("given", "place"),
    [
        ("HTTP://user:a%2Fb@proxy.test:3128", "proxy.test:3128"),
        ("user:a@b@proxy.test:3128/", "proxy.test:3128"),
        ("https://[::1]:3128", "[::1]:3128"),
        ("my_proxy", "my_proxy"),
    ],
)
def test_a_proxy_is_told_by_its_host_and_port_alone(
    monkeypatch: pytest.MonkeyPatch, given: str, place: str
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", given)
    proxy = proxy_for(API)
    assert proxy is not None
    assert proxy.place == place


def test_a_wrong_proxy_that_nobody_goes_by_is_no_mistake(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ALL_PROXY", "socks5://proxy.test")
    monkeypatch.setenv("NO_PROXY", "api.test")
    assert proxy_for(API) is None


async def test_a_request_that_fails_names_the_proxy_without_its_password(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("ALL_PROXY", "http://user:secret@127.0.0.1:1")
    async with AudienceClient(API, limits=QUICK) as client:
        answer = await client.post(Endpoint.TAGS, b"{}")
    assert isinstance(answer, Unavailable)
    assert answer.message.startswith("connect error by the proxy 127.0.0.1:1: ")
    assert "secret" not in answer.message
