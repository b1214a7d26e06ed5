"""What `vulture connector` finds unused, and who uses it: all else that only a test uses is dead."""
# ruff: noqa: B018, F821, INP001 -- a list of names, never run

Lanes.busy  # the simulation and the property tests: nothing is left at the end
Offsets.unsettled  # the same
AvroReader, JsonSchemaReader, ProtobufReader  # connector.formats.decoder, by name: their libraries are extras
Kafka.properties_file  # connector.config reads it before there are settings
Violations.twice_in_one_job, Violations.unavoidable  # the sandbox's /stats, as JSON
Device.registered  # a device's state in the sandbox, for tests that look it up
levelname  # of a log record: whoever formats it
