"""Builds the image with buildah, on a Debian of the machine's own packages, and runs it with podman.

`BASE_IMAGE` names another base, where a registry can be reached.
"""

from __future__ import annotations

import fcntl
import functools
import os
import platform
import shutil
import subprocess
from pathlib import Path

ROOT = Path(__file__).parents[2]
IMAGE = "localhost/pushwoosh-connector-test"
_BASE = "localhost/connector-test-base"
_SOURCES = Path("/etc/apt/sources.list.d/debian.sources")
_PACKAGES = "python3,python3-venv,python-is-python3,ca-certificates"
_LENT = ("/etc/ssl/certs/ca-certificates.crt", "/etc/pip.conf")
"""What this machine needs to reach a package index; lent to the build, not left in the image."""
_RUNTIME = (
    '[engine]\nruntime = "runc"\n[containers]\ndefault_ulimits = ["nofile=20000:20000", "nproc=1000:1000"]\n'
)


def missing() -> str:
    """Name what keeps the image from being built and run here; empty if nothing does."""
    wanted = ["buildah", "podman", "runc"]
    if not os.environ.get("BASE_IMAGE"):
        wanted.append("mmdebstrap")
        if not _SOURCES.exists():
            return f"no {_SOURCES}: set BASE_IMAGE"
    gone = [tool for tool in wanted if shutil.which(tool) is None]
    if gone:
        return f"no {', '.join(gone)}: apt-get install {' '.join(gone)}"
    return "" if os.geteuid() == 0 else "not root"


def run(*command: str | Path, limit: float = 600) -> str:
    """Run to the end; its standard output."""
    done = subprocess.run(
        command, capture_output=True, text=True, check=False, timeout=limit, env=_environment()
    )
    assert done.returncode == 0, f"{command}: {done.stdout[-2000:]}{done.stderr[-2000:]}"
    return done.stdout.strip()


def _environment() -> dict[str, str]:
    return {**os.environ, "BUILDAH_ISOLATION": "chroot"}


@functools.cache
def base_image() -> str:
    """Return the base's name; made once per machine from Debian's packages, 20 s to 2 min."""
    given = os.environ.get("BASE_IMAGE")
    if given:
        return given
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "pushwoosh-connector-tests"
    cache.mkdir(parents=True, exist_ok=True)
    packed = cache / "debian-python.tar"
    with (cache / "debian-python.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not packed.exists():
            fresh = packed.with_suffix(".part.tar")
            release = platform.freedesktop_os_release()["VERSION_CODENAME"]
            # A failed mmdebstrap leaves an empty archive behind: it gets its name at the end.
            run("mmdebstrap", "--variant=minbase", f"--include={_PACKAGES}", release, fresh, _SOURCES)
            fresh.rename(packed)
        container = run("buildah", "from", "scratch")
        try:
            run("buildah", "add", "-q", container, packed, "/")
            run("buildah", "commit", "-q", container, _BASE)
        finally:
            run("buildah", "rm", container)
    return _BASE


def build(**arguments: str) -> None:
    """Build the image as IMAGE. `arguments`: the Dockerfile's, in lower case."""
    lent = [f"--volume={path}:{path}:ro" for path in _LENT if Path(path).exists()]
    arguments["base_image"] = base_image()
    given = [f"--build-arg={name.upper()}={value}" for name, value in arguments.items()]
    run("buildah", "build", "-q", "--network=host", *given, *lent, "-t", IMAGE, ROOT)


class Containers:
    """Runs IMAGE as strictly as the manifests do. `folder` gets podman's configuration."""

    def __init__(self, folder: Path) -> None:
        configuration = folder / "containers.conf"
        configuration.write_text(_RUNTIME)
        self._environ = {**_environment(), "CONTAINERS_CONF": str(configuration)}

    def start(
        self, *arguments: str, environ: dict[str, str] | None = None, user: str = "54321:54321"
    ) -> subprocess.Popen[str]:
        """Start a container in the foreground, in this machine's network."""
        given = [f"--env={name}={value}" for name, value in (environ or {}).items()]
        command = [
            *("podman", "run", "--rm", "--network=host", "--read-only", "--read-only-tmpfs=false"),
            *("--cap-drop=all", "--security-opt=no-new-privileges", "--memory=640m", f"--user={user}"),
            *given,
            IMAGE,
            *arguments,
        ]
        return subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=self._environ
        )

    def output(self, *arguments: str, environ: dict[str, str] | None = None) -> tuple[int, str]:
        """Run to the end: exit code and what was written."""
        process = self.start(*arguments, environ=environ)
        written, _ = process.communicate(timeout=60)
        return process.returncode, written
