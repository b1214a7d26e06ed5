"""Records that no Python client makes: librdkafka called past its binding."""

from __future__ import annotations

import ctypes
from ctypes import c_char_p, c_int, c_size_t, c_void_p
from pathlib import Path
from typing import Any

import confluent_kafka

_TOPIC, _VALUE, _KEY, _HEADERS, _END = 1, 4, 5, 10, 0
"""`rd_kafka_vtype_t`."""


def produce_with_header(bootstrap: str, topic: str, name: bytes, key: bytes, value: bytes) -> None:
    """Write one record with one header, whose name may be any bytes."""
    (path,) = Path(confluent_kafka.__file__).parent.with_name("confluent_kafka.libs").glob("librdkafka*")
    library = ctypes.CDLL(str(path))
    for function in ("rd_kafka_conf_new", "rd_kafka_new", "rd_kafka_headers_new"):
        getattr(library, function).restype = c_void_p
    words = ctypes.create_string_buffer(512)
    conf = c_void_p(library.rd_kafka_conf_new())
    if library.rd_kafka_conf_set(conf, b"bootstrap.servers", bootstrap.encode(), words, 512):
        raise RuntimeError(words.value.decode())
    producer = c_void_p(library.rd_kafka_new(0, conf, words, 512))
    headers = c_void_p(library.rd_kafka_headers_new(1))
    library.rd_kafka_header_add(headers, name, c_size_t(len(name)), b"v", c_size_t(1))
    parts: list[Any] = [
        c_int(_TOPIC),
        c_char_p(topic.encode()),
        c_int(_KEY),
        c_char_p(key),
        c_size_t(len(key)),
    ]
    parts += [c_int(_VALUE), c_char_p(value), c_size_t(len(value)), c_int(_HEADERS), headers, c_int(_END)]
    refused = library.rd_kafka_producev(producer, *parts) or library.rd_kafka_flush(producer, 10_000)
    library.rd_kafka_destroy(producer)
    if refused:
        raise RuntimeError(f"not written: {refused}")
