"""Protobuf files without a compiler: declarations of fields become descriptors.

A field is written as in a .proto file, `repeated string interests = 3`, `map<string, int32> ages = 4`,
`optional bool vip = 5`; `string text = 1 @kind` is in the oneof `kind`. Names of types are full.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Sequence
from typing import Any

from google.protobuf.descriptor_pb2 import DescriptorProto, EnumDescriptorProto, FileDescriptorProto
from google.protobuf.descriptor_pb2 import FieldDescriptorProto as Field
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message_factory import GetMessageClass

from connector.formats.protobuf import _add

_FIELD = re.compile(r"(?:(repeated|optional) )?(map<(\w+), ([\w.]+)>|[\w.]+) (\w+) = (\d+)(?: @(\w+))?")
_SCALARS = {
    "double": Field.TYPE_DOUBLE,
    "float": Field.TYPE_FLOAT,
    "int32": Field.TYPE_INT32,
    "int64": Field.TYPE_INT64,
    "uint64": Field.TYPE_UINT64,
    "bool": Field.TYPE_BOOL,
    "string": Field.TYPE_STRING,
    "bytes": Field.TYPE_BYTES,
}


def file(
    *types: DescriptorProto | EnumDescriptorProto, name: str = "events.proto", imports: Sequence[str] = ()
) -> FileDescriptorProto:
    """A file of the package `shop`."""
    made = FileDescriptorProto(name=name, package="shop", syntax="proto3", dependency=imports)
    for each in types:
        if isinstance(each, DescriptorProto):
            made.message_type.append(each)
        else:
            made.enum_type.append(each)
    return made


def message(name: str, *fields: str, nested: Sequence[DescriptorProto] = ()) -> DescriptorProto:
    made = DescriptorProto(name=name, nested_type=nested)
    oneofs: list[str] = []
    for text in fields:
        found = _FIELD.fullmatch(text)
        assert found, text
        label, kind, map_key, map_value, field, number, oneof = found.groups()
        if map_key:
            entry_name = f"{field.title().replace('_', '')}Entry"
            entry = message(entry_name, f"{map_key} key = 1", f"{map_value} value = 2")
            entry.options.map_entry = True
            made.nested_type.append(entry)
            kind, label = f"shop.{name}.{entry_name}", "repeated"
        given = {"name": field, "number": int(number), **_type(kind)}
        given["label"] = Field.LABEL_REPEATED if label == "repeated" else Field.LABEL_OPTIONAL
        if oneof:
            if oneof not in oneofs:
                oneofs.append(oneof)
            given["oneof_index"] = oneofs.index(oneof)
        made.field.add(**given)
    for field, text in zip(made.field, fields, strict=True):
        if text.startswith("optional "):  # a oneof of its own, after the real ones, as the compiler has it
            field.MergeFrom(Field(proto3_optional=True, oneof_index=len(oneofs)))
            oneofs.append(f"_{field.name}")
    for each in oneofs:
        made.oneof_decl.add(name=each)
    return made


def _type(kind: str) -> dict[str, Any]:
    if kind in _SCALARS:
        return {"type": _SCALARS[kind]}
    if kind.startswith("enum."):
        full = kind[5:] if "." in kind[5:] else f"shop.{kind[5:]}"
        return {"type": Field.TYPE_ENUM, "type_name": f".{full}"}
    return {"type": Field.TYPE_MESSAGE, "type_name": f".{kind}"}


def enum(name: str, *symbols: str) -> EnumDescriptorProto:
    made = EnumDescriptorProto(name=name)
    for number, symbol in enumerate(symbols):
        made.value.add(name=symbol, number=number)
    return made


def text(made: FileDescriptorProto) -> str:
    """As it is registered, and as a registry gives it for `format=serialized`."""
    return base64.b64encode(made.SerializeToString()).decode()


def classes(*files: FileDescriptorProto) -> dict[str, Any]:
    """The message classes of files, by full name; each file after those that it imports."""
    pool: Any = DescriptorPool()
    for each in files:
        _add(pool, each)
    found = {}
    for each in files:
        for name, descriptor in pool.FindFileByName(each.name).message_types_by_name.items():
            found[name] = GetMessageClass(descriptor)
            found |= {f"{name}.{one.name}": GetMessageClass(one) for one in descriptor.nested_types}
    return found
