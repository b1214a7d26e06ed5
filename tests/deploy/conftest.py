"""The manifests as kustomize builds them, once for all tests that only look at them."""

from __future__ import annotations

import pytest

from tests.deploy.manifests import BUILDS, COMPONENTS, ROOT, Resource, build, composed


@pytest.fixture(scope="session", params=[*BUILDS, "everything"])
def resources(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> list[Resource]:
    """Each overlay, and production with every component."""
    if request.param != "everything":
        return build(ROOT / request.param)
    missing = [name for name in COMPONENTS if name not in ("pod-monitor", "prometheus-rule", "dead-letters")]
    return composed(tmp_path_factory.mktemp("all"), *missing, base="overlays/production")


@pytest.fixture(scope="session")
def production() -> list[Resource]:
    return build(ROOT / "overlays/production")


@pytest.fixture(scope="session")
def everything(tmp_path_factory: pytest.TempPathFactory) -> list[Resource]:
    return composed(tmp_path_factory.mktemp("all"), *COMPONENTS, base="base")
