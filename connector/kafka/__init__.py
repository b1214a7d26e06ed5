"""The Kafka edge: the only place, with the sandbox and the replay tool, that imports confluent_kafka."""
