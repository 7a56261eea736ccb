"""Prints neonize's definitions of messages as JSON: {message: {field: [number, type, repeated]}}.

A process of its own, because the definitions are imported without the library they come with.
"""

from __future__ import annotations

import importlib
import importlib.util
import json
import sys
import types
from pathlib import Path
from typing import Any

MODULES = (
    "waE2E.WAWebProtobufsE2E_pb2",
    "waHistorySync.WAWebProtobufsHistorySync_pb2",
    "waWeb.WAWebProtobufsWeb_pb2",
    "waCommon.WACommon_pb2",
)
SCALARS = {1: "double", 3: "int64", 4: "uint64", 5: "int32", 8: "bool", 9: "string", 12: "bytes"}
SCALARS |= {13: "uint32", 14: "enum"}


def describe(found: dict[str, Any], descriptor: Any) -> None:
    """Add a message and the messages inside it, by names without the package."""
    name = descriptor.full_name.removeprefix(descriptor.file.package + ".")
    found[name] = {
        field.name: [
            field.number,
            _short(field.message_type) if field.message_type else SCALARS.get(field.type, "other"),
            field.is_repeated,
        ]
        for field in descriptor.fields
    }
    for inner in descriptor.nested_types:
        describe(found, inner)


def _short(descriptor: Any) -> str:
    name: str = descriptor.full_name.removeprefix(descriptor.file.package + ".")
    return name


def main() -> None:
    location = importlib.util.find_spec("neonize")
    assert location and location.origin
    folder = Path(location.origin).parent
    package = types.ModuleType("neonize")
    package.__path__ = [str(folder)]
    sys.modules["neonize"] = package
    sys.path.insert(0, str(folder / "proto"))
    found: dict[str, Any] = {}
    for module in MODULES:
        file = importlib.import_module(f"neonize.proto.{module}").DESCRIPTOR
        for descriptor in file.message_types_by_name.values():
            describe(found, descriptor)
    print(json.dumps(found))


if __name__ == "__main__":
    main()
