"""For tests of those who use the connector: sample records, their own decoder, the API's double.

`pytest_plugins = ["connector.testing.fixtures"]` has the double as pytest fixtures. See deploy/LIBRARY.md.
"""

from connector.testing.decoding import SampleRecord, outcomes, read
from connector.testing.running import RunningSandbox

__all__ = ["RunningSandbox", "SampleRecord", "outcomes", "read"]
