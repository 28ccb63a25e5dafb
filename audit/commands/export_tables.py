"""Write the numbers of a finished run as tables that other programs read."""

from __future__ import annotations

import io
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

from audit.base.errors import BadInput
from audit.records import Results
from audit.report.tidy import TidyTable, csv_text, json_text, tidy_tables
from audit.store import storage_errors, write_atomic


def export_tables(results: Results, *, format: str, out: Path) -> tuple[Path, ...]:
    """Write scores and estimates into a folder; what lies there under their names is replaced.

    Args:
        format: one of `FORMATS`.

    Raises:
        BadInput: `table-format`; `parquet-missing`, the package that writes Parquet is not installed.
        StorageError: the folder cannot be written.
    """
    if format not in FORMATS:
        raise BadInput("table-format", format=format, choices=tuple(FORMATS))
    made = [(out / f"{table.name}.{format}", FORMATS[format](table)) for table in tidy_tables(results)]
    with storage_errors(out):
        out.mkdir(parents=True, exist_ok=True)
        for path, data in made:
            write_atomic(path, data)
    return tuple(path for path, _ in made)


def _csv(table: TidyTable) -> bytes:
    return csv_text(table.columns, table.rows).encode("utf-8")


def _json(table: TidyTable) -> bytes:
    return json_text(table).encode("utf-8")


def _parquet(table: TidyTable) -> bytes:
    try:
        arrow, parquet = (import_module(name) for name in ("pyarrow", "pyarrow.parquet"))
    except ModuleNotFoundError as error:
        raise BadInput("parquet-missing") from error
    kinds: dict[str, Any] = {
        "text": arrow.string(), "integer": arrow.int64(), "number": arrow.float64(), "boolean": arrow.bool_(),
    }  # fmt: skip
    schema = arrow.schema([(column.name, kinds[column.kind]) for column in table.columns])
    columns = list(zip(*table.rows, strict=True)) or [()] * len(table.columns)
    data = io.BytesIO()
    parquet.write_table(arrow.table([list(column) for column in columns], schema=schema), data)
    return data.getvalue()


FORMATS: dict[str, Callable[[TidyTable], bytes]] = {"csv": _csv, "json": _json, "parquet": _parquet}
"""Ending of a file -> how a table is written."""
