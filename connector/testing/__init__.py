"""For tests of those who use the connector: sample records, their own decoder, the API's double.

`pytest_plugins = ["connector.testing.fixtures"]` has the double as pytest fixtures. See deploy/LIBRARY.md.
"""

from connector.core.reading.event import Decoded
from connector.sandbox.app import AudienceApp
from connector.sandbox.audience import Audience, Options
from connector.sandbox.faults import Faults, faults_from
from connector.sandbox.stats import Stats
from connector.testing.decoding import SampleRecord, outcomes, read
from connector.testing.running import RunningSandbox

__all__ = [
    "Audience",
    "AudienceApp",
    "Decoded",
    "Faults",
    "Options",
    "RunningSandbox",
    "SampleRecord",
    "Stats",
    "faults_from",
    "outcomes",
    "read",
]
