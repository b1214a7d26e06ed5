"""Protobuf: message classes made of a registry's descriptors, and what becomes of their fields.

Only fields that are set come into the plain object. How each is read is found once per message type.
"""

from __future__ import annotations

import base64 as base64_module
import importlib
from collections.abc import Callable, Iterator
from typing import Any

from google.protobuf import descriptor_pb2
from google.protobuf.descriptor import Descriptor, EnumDescriptor, FieldDescriptor, OneofDescriptor
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message import DecodeError
from google.protobuf.message_factory import GetMessageClass

from connector.core.reading.plain import update_of
from connector.formats.framing import FormatError, message_indexes
from connector.formats.known_messages import KNOWN, module_of
from connector.formats.reading import SchemaText
from connector.formats.translating import IDENTIFIERS, WORDS, Translate, api_words, base64, float32
from connector.model import Content, Registration, TagsUpdate

KIND = "PROTOBUF"
_MAIN = "default"
"""The name of the schema's own file: what is registered has none."""


class ProtobufReader:
    """Reads records of one Protobuf file: any of its message types, as the record says."""

    def __init__(self, schema: SchemaText) -> None:
        try:
            pool = DescriptorPool()
            for name, text in schema.references.items():
                _add(pool, _file(name, text))
            self._file = _file(_MAIN, schema.text)
            _add(pool, self._file)
            self._pool = pool
            self._messages = _Messages()
        except Exception as error:
            raise FormatError(f"the schema can't be used: {type(error).__name__}: {error}") from error
        self._types: dict[tuple[int, ...], tuple[Any, Translate]] = {}

    def plain(self, head: bytes | None, payload: bytes) -> Any:
        """Read a record of the message type that its indexes name."""
        if head is None:
            indexes, size = ((0,), 1) if payload[:1] == b"\0" else message_indexes(payload)
            payload = payload[size:]
        else:
            indexes, size = message_indexes(head)
        found = self._types.get(indexes) or self._type(indexes)
        try:
            return found[1](found[0].FromString(payload))
        except DecodeError as error:
            raise FormatError(f"not a message of its schema: {error}") from error
        except (ValueError, OverflowError, ArithmeticError) as error:
            raise FormatError(str(error)) from error

    def event(self, content: Content, head: bytes | None, payload: bytes) -> TagsUpdate | Registration:
        return update_of(self.plain(head, payload), content)

    def _type(self, indexes: tuple[int, ...]) -> tuple[Any, Translate]:
        names, types = [], self._file.message_type
        for index in indexes:
            if not 0 <= index < len(types):
                raise FormatError(f"the schema has no message type {'.'.join(map(str, indexes))}")
            names.append(types[index].name)
            types = types[index].nested_type
        package = [self._file.package] if self._file.package else []
        descriptor = self._pool.FindMessageTypeByName(".".join([*package, *names]))
        found = self._types[indexes] = (GetMessageClass(descriptor), self._messages.event(descriptor))
        return found


def _file(name: str, text: str) -> descriptor_pb2.FileDescriptorProto:
    file = descriptor_pb2.FileDescriptorProto()
    file.ParseFromString(base64_module.b64decode(text, validate=True))
    file.name = name
    return file


def _add(pool: Any, file: descriptor_pb2.FileDescriptorProto) -> None:
    """Add a file, after those that it imports and that come with the libraries."""
    for name in file.dependency:
        _add_known(pool, name)
    pool.Add(file)


def _add_known(pool: Any, name: str) -> None:
    try:
        pool.FindFileByName(name)
    except KeyError:
        try:
            compiled = importlib.import_module(module_of(name) or "")
        except (ImportError, ValueError):
            raise FormatError(f"it imports {name}, which is no reference of it") from None
        known = descriptor_pb2.FileDescriptorProto()
        compiled.DESCRIPTOR.CopyToProto(known)
        known.name = name
        _add(pool, known)


class _Messages:
    """Finds how messages of a type become plain: by their full name where they are known, else by field."""

    def __init__(self) -> None:
        self._found: dict[tuple[str, bool], Translate] = {}

    def event(self, descriptor: Descriptor) -> Translate:
        """Return how an event is read: its enums are words of the API, its identifiers stay.

        A message that is one oneof and nothing else is the event that is set in it; `type` is its name.
        """
        choice = _only_oneof(descriptor)
        if choice is None:
            return self._by_field(descriptor, whole=True)
        events = {
            field.name: self._by_field(field.message_type, whole=True)
            for field in choice.fields
            if field.message_type is not None
        }

        oneof = choice.name

        def read(message: Any) -> Any:
            name = message.WhichOneof(oneof)
            translate = events.get(name)
            return {} if translate is None else {"type": name, **translate(getattr(message, name))}

        return read

    def _message(self, descriptor: Descriptor, *, in_choice: bool = False) -> Translate:
        """Return how a message inside an event is read. `in_choice`: it is a member of a oneof."""
        key = (descriptor.full_name, in_choice)
        if key not in self._found:

            def later(message: Any) -> Any:  # it may contain itself
                return self._found[key](message)

            self._found[key] = later
            self._found[key] = self._find(descriptor, in_choice=in_choice)
        return self._found[key]

    def _find(self, descriptor: Descriptor, *, in_choice: bool) -> Translate:
        known = KNOWN.get(descriptor.full_name)
        if known is not None:
            return known
        choice = _only_oneof(descriptor)
        if choice is not None:
            return self._choice(choice)
        if in_choice and len(descriptor.fields) == 1 and _is_list(descriptor.fields[0]):
            return self._list_alone(descriptor.fields[0])
        return self._by_field(descriptor)

    def _choice(self, choice: OneofDescriptor) -> Translate:
        """Return how a message that is one oneof is read: as the value that is set, or None."""
        oneof = choice.name
        values = {field.name: self._value(field, in_choice=True) for field in choice.fields}

        def read(message: Any) -> Any:
            name = message.WhichOneof(oneof)
            if name is None:
                return None
            translate = values[name]
            value = getattr(message, name)
            return value if translate is None else translate(value)

        return read

    def _list_alone(self, field: FieldDescriptor) -> Translate:
        """Return how a message that only wraps a list, because a oneof can't have one, is read."""
        name, translate = field.name, self._field(field) or list
        return lambda message: translate(getattr(message, name))

    def _by_field(self, descriptor: Descriptor, *, whole: bool = False) -> Translate:
        fields = [*self._fields(descriptor, whole=whole)]

        def read(message: Any) -> dict[str, Any]:
            plain = {}
            has = message.HasField
            for name, can_be_unset, translate in fields:
                if can_be_unset and not has(name):
                    continue
                value = getattr(message, name)
                if not (can_be_unset or value):
                    continue  # 0, False, nothing: as if it were not there
                if translate is not None:
                    value = translate(value)
                    if value is None:
                        continue
                plain[name] = value
            return plain

        return read

    def _fields(self, descriptor: Descriptor, *, whole: bool) -> Iterator[tuple[str, bool, Translate | None]]:
        for field in descriptor.fields:
            translate = self._field(field)
            if whole and field.name in WORDS and field.enum_type is not None:
                translate = _enum(field.enum_type, words=True)
            elif whole and field.name in IDENTIFIERS and field.type == field.TYPE_BYTES:
                translate = None
            yield field.name, field.has_presence, translate

    def _field(self, field: FieldDescriptor) -> Translate | None:
        if not _is_list(field):
            return self._value(field)
        if field.message_type is not None and field.message_type.GetOptions().map_entry:
            return self._map(field.message_type.fields_by_name["value"])
        translate = self._value(field)
        return list if translate is None else lambda items: [translate(item) for item in items]

    def _map(self, field: FieldDescriptor) -> Translate:
        translate = self._value(field)
        if translate is None:
            return lambda found: {_key(key): value for key, value in found.items()}
        return lambda found: {_key(key): translate(value) for key, value in found.items()}

    def _value(self, field: FieldDescriptor, *, in_choice: bool = False) -> Translate | None:
        if field.message_type is not None:
            return self._message(field.message_type, in_choice=in_choice)
        if field.enum_type is not None:
            return _enum(field.enum_type)
        if field.type == field.TYPE_BYTES:
            return base64
        return float32 if field.type == field.TYPE_FLOAT else None


def _key(key: Any) -> str:
    """Write a map's key as JSON does: there it is text always."""
    if isinstance(key, bool):
        return "true" if key else "false"
    return str(key)


def _enum(descriptor: EnumDescriptor, *, words: bool = False) -> Callable[[int], Any]:
    """Return how an enum is read: its symbol, or the API's word; a number without a symbol stays."""
    if descriptor.full_name == "google.protobuf.NullValue":
        return lambda _: None
    symbols = {value.number: value.name for value in reversed(descriptor.values)}
    known: dict[int, Any] = dict(symbols)
    if words:
        by_symbol = api_words(descriptor.name, symbols.values())
        known = {number: by_symbol[symbol] for number, symbol in symbols.items()}
    return lambda number: known.get(number, number)


def _is_list(field: FieldDescriptor) -> bool:
    return bool(field.is_repeated)


def _only_oneof(descriptor: Descriptor) -> OneofDescriptor | None:
    """Return the oneof that is all there is in a message; `optional` fields are none."""
    real = [each for each in descriptor.oneofs if not (len(each.fields) == 1 and _optional(each.fields[0]))]
    if len(real) == 1 and len(real[0].fields) == len(descriptor.fields):
        return real[0]
    return None


def _optional(field: FieldDescriptor) -> bool:
    """Whether the field is in a oneof only because it is `optional`."""
    proto = descriptor_pb2.DescriptorProto()
    if field.containing_type is not None:
        field.containing_type.CopyToProto(proto)
    return any(each.number == field.number and each.proto3_optional for each in proto.field)
