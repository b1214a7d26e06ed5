"""Certificates in PEM form for a guarded broker and its clients, made with `openssl`."""

from __future__ import annotations

import subprocess
from pathlib import Path

_CA_CONFIG = """
[ca]
default_ca = own
[own]
database = {folder}/issued
new_certs_dir = {folder}
rand_serial = yes
default_md = sha256
policy = any
unique_subject = no
copy_extensions = copy
[any]
commonName = supplied
"""


class Certificates:
    """An authority and what it has issued, in one folder. `path` is a file's full name as text."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True)
        (folder / "issued").touch()
        (folder / "ca.conf").write_text(_CA_CONFIG.format(folder=folder))
        self._authority("ca")
        self._authority("other-ca")
        self._issue("server", "server")
        self._issue("client", "connector")
        self._issue("expired", "connector", "-startdate", "20200101000000Z", "-enddate", "20200201000000Z")
        keystore = (folder / "server.key").read_text() + (folder / "server.pem").read_text()
        (folder / "keystore.pem").write_text(keystore)

    def path(self, name: str) -> str:
        return str(self.folder / name)

    def _authority(self, name: str) -> None:
        own = ["-keyout", f"{name}.key", "-out", f"{name}.pem", "-subj", f"/CN={name}", "-days", "30"]
        self._openssl("req", "-x509", "-newkey", "rsa:2048", "-nodes", *own)

    def _issue(self, name: str, subject: str, *validity: str) -> None:
        """Sign a certificate for this machine's loopback addresses; by default it is good for 30 days."""
        request = ["-keyout", f"{name}.key", "-out", f"{name}.csr", "-subj", f"/CN={subject}"]
        names = ["-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"]
        self._openssl("req", "-newkey", "rsa:2048", "-nodes", *request, *names)
        authority = ["-config", "ca.conf", "-cert", "ca.pem", "-keyfile", "ca.key", "-batch", "-notext"]
        files = ["-in", f"{name}.csr", "-out", f"{name}.pem"]
        self._openssl("ca", *authority, *files, *(validity or ["-days", "30"]))

    def _openssl(self, *arguments: str) -> None:
        subprocess.run(["openssl", *arguments], cwd=self.folder, check=True, capture_output=True)
