"""Doubles for trying and testing: the Audience API with faults on demand, an embedded Kafka, the demo."""
