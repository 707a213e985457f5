"""What an evaluation yields: figures with their intervals, tie bands and signatures, and how they lie on disk."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, PrivateAttr, ValidationError

from ficoitr.errors import FileFormatError, OptionError
from ficoitr.evaluation.protocol import Protocol
from ficoitr.metrics.codes import CodeStatistics
from ficoitr.outputs.files import atomic_path, digest_file, read_json, require_target

Array = np.ndarray[Any, Any]
SCHEMA: Literal["ficoitr.evaluation/1"] = "ficoitr.evaluation/1"
DIRECTIONS = ("i2t", "t2i")
TASKS = ("instance", "category")


class Figure(NamedTuple):
    """One figure: fractions in [0, 1], ranks from 1, rSum in percent; None where it is not applicable."""

    key: str
    value: float | None
    interval: tuple[float, float] | None
    ties: tuple[float, float] | None
    signature: str


class Curve(BaseModel):
    """Interpolated precision at eleven recalls."""

    model_config = ConfigDict(frozen=True)
    recall: list[float]
    precision: list[float]


class PerQueryFile(BaseModel):
    """The file beside a result that holds the values of every query."""

    model_config = ConfigDict(frozen=True)
    file: str
    sha256: str


class PerQuery(NamedTuple):
    """Values of every query of one direction: identifiers, the image each belongs to, and one array a figure."""

    ids: tuple[str, ...]
    images: Array
    values: dict[str, Array]


class Evaluation(BaseModel):
    """The result of `ficoitr.evaluate`.

    Figures are looked up by their dotted key: ``evaluation["instance.t2i.R@1"].value``. Of hash codes, ``codes`` has
    `CodeStatistics` of ``"images"`` and of ``"texts"``. The file form is the schema ``ficoitr.evaluation/1``.
    """

    model_config = ConfigDict(frozen=True, populate_by_name=True, extra="ignore")

    schema_: Literal["ficoitr.evaluation/1"] = Field(SCHEMA, alias="schema")
    name: str = ""
    signature: str
    protocol: Protocol
    queries: dict[str, int]
    candidates: dict[str, int]
    instance: dict[str, Any] = {}
    category: dict[str, Any] = {}
    intervals: dict[str, tuple[float, float]] = {}
    ties: dict[str, tuple[float, float]] = {}
    near_ties: dict[str, int] = {}
    codes: dict[str, CodeStatistics] = {}
    signatures: dict[str, str] = {}
    notes: list[str] = []
    environment: dict[str, Any] = {}
    inputs: dict[str, str] = {}
    seconds: float = 0.0
    per_query: PerQueryFile | None = None

    _values: dict[str, PerQuery] | None = PrivateAttr(default=None)
    _path: Path | None = PrivateAttr(default=None)

    def __eq__(self, other: object) -> bool:
        """Whether all that would be written is equal; whether values per query are loaded makes no difference."""
        return isinstance(other, Evaluation) and self.model_dump() == other.model_dump()

    __hash__ = None  # type: ignore[assignment]

    def __getitem__(self, key: str) -> Figure:
        value = self._find(key)
        return Figure(key, value, self.intervals.get(key), self.ties.get(key), self.signatures.get(key, self.signature))

    def _find(self, key: str) -> Any:
        task, _, rest = key.partition(".")
        tables: Any = {"instance": self.instance, "category": self.category}.get(task)
        if tables is not None:
            if rest in tables:
                return tables[rest]
            direction, _, metric = rest.partition(".")
            if metric in tables.get(direction, {}):
                return tables[direction][metric]
        raise OptionError(
            f"there is no figure {key!r}",
            where="evaluation",
            expected=f"one of {', '.join(self.keys()) or 'none'}",
        )

    def keys(self) -> list[str]:
        """Dotted keys of all figures, in the order of the protocol."""
        found: list[str] = []
        for task in TASKS:
            tables = getattr(self, task)
            found += [
                f"{task}.{direction}.{metric}" for direction in DIRECTIONS for metric in tables.get(direction, {})
            ]
            found += [f"{task}.{name}" for name in tables if name not in DIRECTIONS]
        return found

    def figures(self) -> Iterator[Figure]:
        """All figures that are single numbers (curves and counts of queries left aside)."""
        for key in self.keys():
            if not key.endswith((".pr_curve", ".no_relevant")):
                yield self[key]

    def per_query_values(self) -> dict[str, PerQuery]:
        """Values of every query, a direction each, read from the file beside the result where need be.

        Raises
        ------
        FileFormatError
            If the file is missing or is not the one the result was written with.
        """
        if self._values is not None:
            return self._values
        if self.per_query is None or self._path is None:
            raise FileFormatError(
                "this result holds no values per query", where=str(self._path or self.name or "evaluation")
            )
        path = self._path.parent / self.per_query.file
        if not path.exists():
            raise FileFormatError(
                "the values per query are missing",
                where=str(path),
                fix=f"Keep it beside {self._path.name}, which names it",
            )
        if digest_file(path) != self.per_query.sha256:
            raise FileFormatError(
                "the values per query are not those of this result", where=str(path), fix="Evaluate again"
            )
        self._values = _read_values(path)
        return self._values

    def with_values(self, values: dict[str, PerQuery]) -> Evaluation:
        """Return this evaluation with the values of every query in memory."""
        copy = self.model_copy()
        copy._values = values
        return copy

    def save(self, path: str | Path) -> Evaluation:
        """Write ``path`` (``.json``) and, beside it, the values of every query (parquet); return what was written."""
        path = Path(path)
        require_target(path, suffix=".json")
        values = self.per_query_values()
        beside = path.with_suffix(".queries.parquet")
        # Both are written in full before either replaces an earlier file: they belong together.
        with atomic_path(path) as result_file, atomic_path(beside) as values_file:
            _write_values(values_file, values)
            per_query = PerQueryFile(file=beside.name, sha256=digest_file(values_file))
            written = self.model_copy(update={"per_query": per_query})
            result_file.write_text(written.to_json() + "\n", encoding="utf-8")
        written._values, written._path = values, path
        return written

    def to_json(self) -> str:
        """Return the JSON of the schema ``ficoitr.evaluation/1``."""
        return json.dumps(self.model_dump(mode="json", by_alias=True), indent=1, ensure_ascii=False, allow_nan=False)

    @classmethod
    def load(cls, path: str | Path) -> Evaluation:
        """Read a result file.

        Raises
        ------
        FileFormatError
            If it is no result, or of a later schema.
        """
        path = Path(path)
        content = read_json(path)
        schema = content.get("schema") if isinstance(content, dict) else None
        if schema != SCHEMA:
            later = isinstance(schema, str) and schema.startswith("ficoitr.evaluation/")
            raise FileFormatError(
                f"the file has the schema {schema!r}" if schema else "this is not a result of an evaluation",
                where=str(path),
                expected=f"the schema {SCHEMA!r}",
                fix="It was written by a later version: update ficoitr"
                if later
                else "Write one with `ficoitr evaluate --output`",
            )
        try:
            evaluation = cls.model_validate(content)
        except ValidationError as error:
            first = error.errors()[0]
            raise FileFormatError(
                f"the field {'.'.join(map(str, first['loc']))} is wrong: {first['msg']}",
                where=str(path),
                fix="The file was changed or damaged: evaluate again",
            ) from error
        evaluation._path = path
        return evaluation


def _write_values(path: Path, values: dict[str, PerQuery]) -> None:
    """One row a query: direction, query, image, and a column a figure, empty in the other direction."""
    import pyarrow
    import pyarrow.parquet

    names = list(dict.fromkeys(name for part in values.values() for name in part.values))
    tables = []
    for direction, part in values.items():
        n_queries = len(part.ids)
        columns: dict[str, Any] = {
            "direction": pyarrow.array([direction] * n_queries, pyarrow.string()),
            "query": pyarrow.array(part.ids, pyarrow.string()),
            "image": pyarrow.array(part.images, pyarrow.int64()),
        }
        for name in names:
            column = part.values.get(name)
            columns[name] = pyarrow.nulls(n_queries, pyarrow.float64()) if column is None else pyarrow.array(column)
        tables.append(pyarrow.table(columns))
    pyarrow.parquet.write_table(pyarrow.concat_tables(tables), path)


def _read_values(path: Path) -> dict[str, PerQuery]:
    import pyarrow.compute
    import pyarrow.parquet

    table = pyarrow.parquet.read_table(path)
    result = {}
    for direction in DIRECTIONS:
        part = table.filter(pyarrow.compute.equal(table["direction"], direction))
        if part.num_rows == 0:
            continue
        figures = {
            name: part[name].to_numpy() for name in part.column_names[3:] if part[name].null_count < part.num_rows
        }
        result[direction] = PerQuery(tuple(part["query"].to_pylist()), part["image"].to_numpy(), figures)
    return result
