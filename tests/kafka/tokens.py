"""A small token endpoint of OAuth 2 (client credentials), signing JWTs that a Kafka broker validates."""

from __future__ import annotations

import base64
import json
import subprocess
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from tests.broker import free_ports

AUDIENCE = "kafka"
KEY_ID = "of-the-tests"


class TokenEndpoint:
    """Answers on a socket between `start` and `stop`; can be started again on the same port.

    `lifetime` is that of the tokens to come, in seconds. `issued` counts them. The public key is in
    `jwks`, a file as brokers read it. One client is known: `connector`, its secret `hush-secret`.
    """

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True)
        self._key = folder / "jwt.key"
        self.jwks = folder / "jwks.json"
        self.port = free_ports(1)[0]
        self.url = f"http://127.0.0.1:{self.port}/token"
        self.lifetime = 300.0
        self.issued = 0
        self._server: ThreadingHTTPServer | None = None
        self._lock = threading.Lock()
        subprocess.run(
            ["openssl", "genrsa", "-traditional", "-out", str(self._key), "2048"],
            check=True,
            capture_output=True,
        )
        self.jwks.write_text(json.dumps({"keys": [self._public_key()]}))

    def _public_key(self) -> dict[str, str]:
        asked = ["openssl", "rsa", "-in", str(self._key), "-noout", "-modulus"]
        said = subprocess.run(asked, check=True, capture_output=True, text=True).stdout
        modulus = bytes.fromhex(said.strip().partition("=")[2])
        public = {"n": _base64(modulus), "e": _base64(b"\x01\x00\x01")}
        return {"kty": "RSA", "kid": KEY_ID, "use": "sig", "alg": "RS256", **public}

    def token(self) -> str:
        """Issue one for `connector`."""
        now = time.time()
        header = {"alg": "RS256", "typ": "JWT", "kid": KEY_ID}
        claims = {"sub": "connector", "aud": AUDIENCE, "iss": self.url, "iat": int(now)}
        claims["exp"] = int(now + self.lifetime)
        signed = ".".join(_base64(json.dumps(part).encode()) for part in (header, claims))
        sign = ["openssl", "dgst", "-sha256", "-sign", str(self._key)]
        signature = subprocess.run(sign, input=signed.encode(), check=True, capture_output=True).stdout
        with self._lock:
            self.issued += 1
        return f"{signed}.{_base64(signature)}"

    def start(self) -> None:
        endpoint = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                self.rfile.read(int(self.headers.get("Content-Length") or 0))
                given = self.headers.get("Authorization", "").removeprefix("Basic ")
                known = base64.b64decode(given) == b"connector:hush-secret"
                content: dict[str, Any] = {"error": "invalid_client"}
                if known:
                    content = {"access_token": endpoint.token(), "token_type": "Bearer"}
                body = json.dumps(content).encode()
                self.send_response(200 if known else 401)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: Any) -> None:
                """Say nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", self.port), Handler)
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    def stop(self) -> None:
        server, self._server = self._server, None
        if server is not None:
            server.shutdown()
            server.server_close()


def _base64(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()
