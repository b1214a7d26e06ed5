"""The Kafka edge: the only place, with the sandbox and the replay tool, that talks to brokers.

Beside these only `formats/registry.py` imports confluent_kafka: its client of a schema registry.
"""
