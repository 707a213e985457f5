"""Files that cannot be read, places that cannot be written, and what else goes wrong on the command line."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow
import pyarrow.parquet

import ficoitr
from bad_input.case import IMAGES, LABELS, PACKED, SCORES, TEXTS, Case, changed, command, evaluate_command, write
from ficoitr import Embeddings, Evaluation
from ficoitr.errors import (
    CaptionMapError,
    CategoryError,
    CodesError,
    FileFormatError,
    IdentifierError,
    OptionError,
    OutputError,
    ValuesError,
)
from ficoitr.outputs import read_run


def as_bytes(save: Callable[..., None], *args: Any, **options: Any) -> bytes:
    """What a function of NumPy writes."""
    file = io.BytesIO()
    save(file, *args, **options)
    return file.getvalue()


WHOLE = as_bytes(np.save, IMAGES)
PICKLED = as_bytes(np.save, np.array([{"a": 1}]), allow_pickle=True)
ARCHIVE = as_bytes(np.savez, images=IMAGES)


def reading(content: Any, name: str = "images.npy") -> Callable[[Path], Any]:
    """Read embeddings from a file of some content."""

    def attempt(folder: Path) -> None:
        write(folder / name, content)
        Embeddings.load(folder / name)

    return attempt


def result(folder: Path) -> Path:
    """Write a good result."""
    ficoitr.evaluate(IMAGES, TEXTS, captions_per_image=2, resamples=0).save(folder / "result.json")
    return folder / "result.json"


def loading(change: Callable[[dict[str, Any]], Any]) -> Callable[[Path], Any]:
    """Load a result whose JSON was changed."""

    def attempt(folder: Path) -> None:
        path = result(folder)
        path.write_text(json.dumps(change(json.loads(path.read_text()))))
        Evaluation.load(path)

    return attempt


def per_query(spoil: Callable[[Path], Any]) -> Callable[[Path], Any]:
    """Read the values per query of a result after something happened to their file."""

    def attempt(folder: Path) -> None:
        path = result(folder)
        spoil(folder / "result.queries.parquet")
        Evaluation.load(path).per_query_values()

    return attempt


def saving(name: str) -> Callable[[Path], Any]:
    """Save a good result under a bad name."""

    def attempt(folder: Path) -> None:
        (folder / "folder.json").mkdir()
        (folder / "file").touch()
        ficoitr.evaluate(IMAGES, TEXTS, captions_per_image=2, resamples=0).save(folder / name)

    return attempt


def parquet_run(folder: Path) -> None:
    """Read a parquet run with an empty score."""
    table = pyarrow.table({"query": ["0", "1"], "candidate": ["0", "1"], "score": [0.5, None]})
    pyarrow.parquet.write_table(table, folder / "run.parquet")
    read_run(folder / "run.parquet", query_ids=["0", "1"], candidate_ids=["0", "1"])


FILES = [
    Case(
        "missing file",
        lambda folder: Embeddings.load(folder / "no.npy"),
        FileFormatError,
        ("no.npy: no such file", "path"),
    ),
    Case("truncated .npy", reading(WHOLE[:-8]), FileFormatError, ("images.npy", "truncated", "Write or copy")),
    Case("empty file", reading(b""), FileFormatError, ("images.npy", "truncated")),
    Case(
        "pickled .npy", reading(PICKLED), FileFormatError, ("images.npy", "pickled", "can run any code", "numpy.save")
    ),
    Case(".npz for .npy", reading(ARCHIVE), FileFormatError, ("images.npy", ".npz archive", "numpy.save")),
    Case("truncated .npz", reading(ARCHIVE[:90]), FileFormatError, ("images.npy", "numpy.save")),
    Case(
        "picture for .npy",
        reading(b"\x89PNG\r\n\x1a\n" + bytes(64)),
        FileFormatError,
        ("images.npy", ".npy file of numbers"),
    ),
    Case(
        "NaN in a file", reading(changed(IMAGES, (3, 0), np.nan)), ValuesError, ("images.npy: row 3, column 0 is NaN",)
    ),
    Case(
        "folder named .npy",
        lambda folder: ((folder / "images.npy").mkdir(), Embeddings.load(folder / "images.npy")),
        FileFormatError,
        ("images.npy: the folder holds no .npy file", "img_emb/"),
    ),
    Case(
        "later schema",
        loading(lambda content: content | {"schema": "ficoitr.evaluation/2"}),
        FileFormatError,
        ("result.json", "'ficoitr.evaluation/2'", "update ficoitr"),
    ),
    Case(
        "damaged result",
        loading(lambda content: content | {"queries": "many"}),
        FileFormatError,
        ("result.json", "the field queries is wrong", "dictionary"),
    ),
    Case(
        "not a result", loading(lambda _: {"R@1": 0.5}), FileFormatError, ("not a result of an evaluation", "--output")
    ),
    Case("list for a result", loading(lambda _: [1, 2]), FileFormatError, ("not a result of an evaluation",)),
    Case(
        "missing values per query",
        per_query(Path.unlink),
        FileFormatError,
        ("queries.parquet", "missing", "result.json"),
    ),
    Case(
        "altered values per query",
        per_query(lambda path: path.write_bytes(path.read_bytes() + b" ")),
        FileFormatError,
        ("queries.parquet", "not those of this result", "Evaluate again"),
    ),
    Case(
        "result in no folder", saving("none/result.json"), OutputError, ("none/result.json", "does not exist", "Create")
    ),
    Case("result on a folder", saving("folder.json"), OutputError, ("folder.json: there is a folder of that name",)),
    Case("result below a file", saving("file/result.json"), OutputError, ("file/result.json", "does not exist")),
    Case("result that is no .json", saving("result.txt"), OutputError, ("ends in '.txt'", "ending in .json")),
    Case(
        "empty score in a parquet run",
        parquet_run,
        FileFormatError,
        ("run.parquet", "row 1 of the column score is empty"),
    ),
]

RUN = "0 Q0 0 1 0.9 tag\n1 Q0 1 1 0.8 tag\n"
COMMANDS = [
    Case(
        "nothing to evaluate",
        command("evaluate"),
        OptionError,
        ("no outputs of a model were given", "--images and --texts"),
    ),
    Case(
        "half a pair of flags",
        command("evaluate --images {images.npy}", images__npy=IMAGES),
        OptionError,
        ("--texts is missing", "--images and --texts"),
    ),
    Case(
        "two forms of outputs",
        evaluate_command("--scores {scores.npy}", scores__npy=SCORES),
        OptionError,
        ("both --images and --texts and --scores were given",),
    ),
    Case(
        "--packed with embeddings",
        evaluate_command("--packed"),
        OptionError,
        ("--packed and --bits are for hash codes",),
    ),
    Case(
        "missing file as a flag",
        command("evaluate --images {i.npy} --texts {t.npy}"),
        FileFormatError,
        ("i.npy: no such file",),
    ),
    Case(
        "packed codes without --packed",
        command("evaluate --image-codes {i.npy} --text-codes {t.npy}", i__npy=PACKED[0], t__npy=PACKED[1]),
        CodesError,
        ("i.npy: integer codes hold values from", "--packed"),
    ),
    Case(
        "pickled file as a flag",
        evaluate_command("", images__npy=PICKLED),
        FileFormatError,
        ("images.npy", "pickled", "can run any code"),
    ),
    Case(
        "NaN on the command line",
        evaluate_command("", texts__npy=changed(TEXTS, (4, 2), np.nan)),
        ValuesError,
        ("texts.npy: row 4, column 2 is NaN",),
    ),
    Case(
        "map that is not JSON",
        command(
            "evaluate --images {i.npy} --texts {t.npy} --text-to-image {m.json}",
            i__npy=IMAGES,
            t__npy=TEXTS,
            m__json="[0,\n 1",
        ),
        FileFormatError,
        ("m.json, line 2", "not valid JSON"),
    ),
    Case(
        "map of the wrong length",
        command(
            "evaluate --images {i.npy} --texts {t.npy} --text-to-image {m.json}",
            i__npy=IMAGES,
            t__npy=TEXTS,
            m__json="[0]",
        ),
        CaptionMapError,
        ("text_to_image: the map has 1 entries", "8"),
    ),
    Case(
        "categories of texts",
        evaluate_command("--categories {labels.npy}", labels__npy=np.repeat(LABELS, 2, axis=0)),
        CategoryError,
        ("categories: there are labels for 8 items",),
    ),
    Case(
        "identifiers of another file",
        evaluate_command("--image-ids {ids.txt}", ids__txt="a\nb\n"),
        IdentifierError,
        ("2 identifiers for 4",),
    ),
    Case(
        "identifiers that are no text",
        evaluate_command("--text-ids {ids.txt}", ids__txt=b"\xff\xfe\x00"),
        FileFormatError,
        ("ids.txt", "UTF-8"),
    ),
    Case("K of 0 as a flag", evaluate_command("--k 0"), OptionError, ("k: the cut-off '0'", "at least 1")),
    Case("K with a gap", evaluate_command("--k 1,,5"), OptionError, ("cannot read the list '1,,5'", "1,5,10")),
    Case(
        "K beyond the gallery as a flag",
        evaluate_command("--k 100"),
        OptionError,
        ("k: the cut-off 100 is beyond the gallery",),
    ),
    Case(
        "unknown protocol as a flag",
        evaluate_command("--protocol paper"),
        OptionError,
        ("there is no protocol 'paper'", "fico"),
    ),
    Case("negative seed as a flag", evaluate_command("--seed -1"), OptionError, ("the seed is -1",)),
    Case("no threads as a flag", evaluate_command("--threads 0"), OptionError, ("0 threads were asked for",)),
    Case(
        "output in no folder",
        evaluate_command("--output {none/result.json}"),
        OutputError,
        ("none/result.json", "Create the folder"),
    ),
    Case(
        "output of another kind",
        evaluate_command("--output {result.csv}"),
        OutputError,
        ("result.csv", "ending in .json"),
    ),
    Case(
        "report of another kind",
        evaluate_command("--report {report.pdf}"),
        OutputError,
        ("report.pdf", "ending in .html"),
    ),
    Case(
        "malformed line of a run",
        command("evaluate --run-i2t {a.run}", a__run=RUN + "1 Q0 0\n"),
        FileFormatError,
        ("a.run, line 3", "'1 Q0 0'", "query Q0 candidate rank score tag"),
    ),
    Case(
        "run of names without their list",
        command("evaluate --run-i2t {a.run}", a__run="cat.jpg Q0 0 1 0.9 tag\n"),
        OptionError,
        ("names 'cat.jpg', which is no row number", "Pass --image-ids"),
    ),
    Case(
        "run with an unknown name",
        command(
            "evaluate --run-i2t {a.run} --image-ids {i.txt} --text-ids {t.txt}",
            a__run=RUN,
            i__txt="0\n1\n",
            t__txt="0\nx\n",
        ),
        IdentifierError,
        ("a.run, candidates", "'1' is unknown", "such as '0'"),
    ),
    Case(
        "run without a query",
        command(
            "evaluate --run-i2t {a.run} --image-ids {i.txt} --text-ids {t.txt}",
            a__run=RUN,
            i__txt="0\n1\n2\n",
            t__txt="0\n1\n",
        ),
        IdentifierError,
        ("1 of 3 queries have no line, the first is '2'",),
    ),
    Case(
        "parquet run that is none",
        command("evaluate --run-i2t {a.parquet}", a__parquet=RUN),
        FileFormatError,
        ("a.parquet", "query, candidate, score"),
    ),
    Case(
        "malformed line of qrels",
        evaluate_command("--positives-i2t {p.qrels}", p__qrels="0 0 1 1\n0 0 2 yes\n"),
        FileFormatError,
        ("p.qrels, line 2", "query 0 candidate grade"),
    ),
    Case("one result to compare", command("compare {a.json}", a__json="{}"), OptionError, ("two or more",)),
    Case(
        "comparison of no results",
        command("compare {a.json} {b.json}", a__json="{}", b__json="{}"),
        FileFormatError,
        ("a.json", "not a result"),
    ),
]

CASES = [*FILES, *COMMANDS]
