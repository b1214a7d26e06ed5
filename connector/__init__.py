"""Kafka to Pushwoosh: tag changes and device registrations, confirmed per device, then committed."""

__version__ = "0.1.0"
