"""Kafka to Pushwoosh: tag changes and device registrations, confirmed per device before they are committed."""

__version__ = "0.1.0"
