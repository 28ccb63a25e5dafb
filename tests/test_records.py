"""Records of today: every kind of file is written and read as the same record, whatever stands in it."""

from __future__ import annotations

import types
import typing
from typing import Any, Literal

import annotated_types as at
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from audit import records as r
from audit.base.messages import Said, as_written, words
from audit.records.versions import Versioned, read_record

KINDS = [
    r.Results, r.Plan, r.ScoreResults, r.ScorePlan, r.CalibrationCard, r.Copies, r.Released, r.Environment, r.Ratings,
    r.RatingFile,
]  # fmt: skip
SAID = st.one_of(
    st.builds(lambda name: words("the filter {name}", name=name), st.text(max_size=5)),
    st.builds(as_written, st.text(max_size=5)),
)


def values(kind: Any, limits: tuple[Any, ...] = ()) -> st.SearchStrategy[Any]:
    """Values of an annotation of a record, within its limits."""
    origin, args = typing.get_origin(kind), typing.get_args(kind)
    if origin is typing.Annotated:
        found = [m for a in args[1:] for m in (a.metadata if isinstance(a, FieldInfo) else [a])]
        return values(args[0], (*found, *limits))
    if origin is Literal:
        return st.sampled_from(args)
    if origin in (types.UnionType, typing.Union):
        return st.one_of(*(values(arg, limits) for arg in args))
    if origin is tuple and args[-1] is Ellipsis:
        return st.lists(values(args[0]), max_size=2).map(tuple)
    if origin is tuple:
        return st.tuples(*(values(arg) for arg in args))
    if origin is dict:
        return st.dictionaries(values(args[0]), values(args[1]), max_size=2)
    if kind is Said:
        return SAID
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        return records(kind)
    return plain(kind, limits)


def plain(kind: Any, limits: tuple[Any, ...]) -> st.SearchStrategy[Any]:
    bounds = {type(m): m for m in limits}
    low = bounds[at.Ge].ge if at.Ge in bounds else bounds[at.Gt].gt + 1e-3 if at.Gt in bounds else None
    high = bounds[at.Le].le if at.Le in bounds else bounds[at.Lt].lt - 1e-3 if at.Lt in bounds else None
    if kind is bool:
        return st.booleans()
    if kind is int:
        return st.integers(low if low is not None else -9, high if high is not None else 10_000)
    if kind is float:
        return st.floats(low, high, allow_nan=False, allow_infinity=False)
    if kind is type(None):
        return st.none()
    assert kind is str, kind
    digest = any(getattr(m, "pattern", None) for m in limits)
    return st.sampled_from(["ab" * 32, "01" * 32]) if digest else st.text(max_size=5)


def each_once(cells: tuple[r.Cell, ...]) -> tuple[r.Cell, ...]:
    """The first cell, with its own pictures, each once: results take no others."""
    return tuple(
        cell.model_copy(
            update={
                "generations": cell.generations.model_copy(
                    update={"condition": cell.condition, "replicate": cell.replicate, "files": ("a.png",)}
                ),
                "scores": cell.scores[:1],
            }
        )
        for cell in cells[:1]
    )


def records(kind: type[BaseModel]) -> st.SearchStrategy[Any]:
    chosen = {
        name: values(field.annotation, tuple(field.metadata))
        for name, field in kind.model_fields.items()
        if name != "schema_version"
    }
    if kind is r.TrainSettings:
        chosen["text_encoder"] = st.just(False)
    if kind is r.Results:
        chosen["cells"] = chosen["cells"].map(each_once)
    if kind is r.Ratings:
        chosen["raters"] = st.just(())
    return st.fixed_dictionaries(chosen).map(lambda made: kind(**made))


def test_every_kind_of_file_is_tried():
    assert set(Versioned.__subclasses__()) == set(KINDS)


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
@settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_what_is_written_is_read_as_it_was(kind, data):
    record = data.draw(records(kind))
    data = record.model_dump_json(indent=1).encode()
    again = read_record(kind, data, name="a file")
    assert again == record
    assert again.digest() == record.digest()


@pytest.mark.parametrize("name", ["Plan", "CalibrationCard"])
def test_the_published_schema_lets_a_part_stay_in_its_form(name):
    today, past = r.Results.model_json_schema()["$defs"][name]["anyOf"]
    assert today["properties"]["schema_version"]["default"] == r.SCHEMA_VERSION
    assert past["properties"]["schema_version"]["enum"] == [1]
