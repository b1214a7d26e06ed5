"""Avro, Protobuf and JSON Schema over a Schema Registry: the extra `registry`, loaded only if used."""
