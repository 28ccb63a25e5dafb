"""Files that last: a record is written, and its digest is taken, in the form of the schema version that it states.

A plan that version 1 fixed stays a version-1 plan inside the results of a later version, and in memory it is today's
record. Its digest is worked out from its version-1 form each time, so it cannot be claimed for another plan: what that
form does not say is derived from it at every reading, and no digest is ever read from the record that it is of.

A new version: raise `SCHEMA_VERSION`, add a module with its `up` and `down`, and a row in `PAST`; freeze files of the
version before under tests/frozen/ first.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

from pydantic import GetJsonSchemaHandler, SerializerFunctionWrapHandler, model_serializer, model_validator
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, from_json

from audit.base.errors import BadResults
from audit.base.messages import render, say
from audit.base.record import SCHEMA_VERSION, Record
from audit.records.versions import v1

PAST = {1: v1}
"""Earlier schema versions: how their records become today's, and how they are written."""


class Versioned(Record):
    """A record that leaves the tool and states its schema version."""

    schema_version: int = SCHEMA_VERSION

    @model_validator(mode="before")
    @classmethod
    def _as_today(cls, given: Any) -> Any:
        if not isinstance(given, dict):
            return given
        version = given.get("schema_version", SCHEMA_VERSION)
        if type(version) is int and version in PAST:
            try:
                return PAST[version].up(cls.__name__, given)
            except LookupError as error:
                # A kind of record that there was none of then, or one that lacks what those had.
                raise ValueError(f"no record of its kind has schema version {version}") from error
        if type(version) is not int or version != SCHEMA_VERSION:
            raise ValueError(render(say("record.version", version=repr(version))))
        return given

    @classmethod
    def __get_pydantic_json_schema__(cls, schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        today = handler(schema)
        if cls.__name__ not in v1.OWN:
            return today
        past = {"properties": {"schema_version": {"enum": sorted(PAST)}}, "required": ["schema_version"]}
        return {"anyOf": [today, {"type": "object", "title": "In the form of an earlier schema version", **past}]}

    @model_serializer(mode="wrap")
    def _as_stated(self, dump: SerializerFunctionWrapHandler) -> dict[str, object]:
        made: dict[str, object] = dump(self)
        past = PAST.get(self.schema_version)
        return made if past is None else past.down(type(self).__name__, made)


VersionedRecord = TypeVar("VersionedRecord", bound=Versioned)


def read_record(kind: type[VersionedRecord], data: bytes, *, name: str) -> VersionedRecord:
    """A record from a file of any schema version that CloakCheck knows.

    Args:
        name: of the file, for the error.

    Raises:
        BadResults: `file-version`, it states none, or one that CloakCheck does not know.
        ValidationError: it is no JSON, or does not fit its schema.
    """
    try:
        given = from_json(data)
    except ValueError:
        return kind.model_validate_json(data)  # says where it is no JSON
    if isinstance(given, dict):
        if kind.__name__ in v1.UNSTATED:
            given.setdefault("schema_version", 1)
        stated: list[Mapping[str, Any]] = [given]
        stated += [part for part in (given.get("plan"), given.get("calibration")) if isinstance(part, dict)]
        for record in stated:
            check_version(record.get("schema_version"), name=name)
    return kind.model_validate(given)


def check_version(version: object, *, name: str) -> None:
    """Refuse what states a schema version that CloakCheck does not know.

    Raises:
        BadResults: `file-version`.
    """
    if type(version) is not int:
        raise BadResults("file-version.unstated", file=name, newest=SCHEMA_VERSION)
    if version > SCHEMA_VERSION:
        raise BadResults("file-version", file=name, seen=version, newest=SCHEMA_VERSION)
    if version != SCHEMA_VERSION and version not in PAST:
        raise BadResults("file-version.unknown", file=name, seen=version, newest=SCHEMA_VERSION)
