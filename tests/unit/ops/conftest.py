"""Metrics in a registry of their own."""

from __future__ import annotations

import pytest
from prometheus_client import CollectorRegistry

from connector.ops.metrics import Metrics


@pytest.fixture
def registry() -> CollectorRegistry:
    return CollectorRegistry()


@pytest.fixture
def metrics(registry: CollectorRegistry) -> Metrics:
    return Metrics(registry, ["profile-tags", "device-registrations"])
