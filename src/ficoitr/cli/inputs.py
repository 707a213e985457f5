"""From the flags of `ficoitr evaluate` to the arguments of `ficoitr.evaluate`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ficoitr.errors import OptionError
from ficoitr.outputs import Embeddings, HashCodes, Scores, read_run
from ficoitr.outputs.files import read_array
from ficoitr.outputs.trec import read_identifiers

_FORMS = (
    ("--images", "--texts"),
    ("--image-codes", "--text-codes"),
    ("--scores",),
    ("--scores-i2t", "--scores-t2i"),
    ("--run-i2t", "--run-t2i"),
)


def read_inputs(
    *,
    images: Path | None,
    texts: Path | None,
    image_codes: Path | None,
    text_codes: Path | None,
    packed: bool,
    bits: int | None,
    scores: Path | None,
    scores_i2t: Path | None,
    scores_t2i: Path | None,
    run_i2t: Path | None,
    run_t2i: Path | None,
    image_ids: Sequence[str] | None,
    text_ids: Sequence[str] | None,
) -> dict[str, Any]:
    """Read the one form of outputs that was given.

    Raises
    ------
    OptionError
        If none was given, more than one, or half of one.
    """
    values = ((images, texts), (image_codes, text_codes), (scores,), (scores_i2t, scores_t2i), (run_i2t, run_t2i))
    given = [number for number, paths in enumerate(values) if any(path is not None for path in paths)]
    listed = "; ".join(" and ".join(flags) for flags in _FORMS)
    if not given:
        raise OptionError("no outputs of a model were given", where="command line", expected=f"one of: {listed}")
    if len(given) > 1:
        first, second = (" and ".join(_FORMS[number]) for number in given[:2])
        raise OptionError(f"both {first} and {second} were given", where="command line", expected=f"one of: {listed}")
    form, paths = _FORMS[given[0]], values[given[0]]
    if given[0] != 4 and None in paths:
        raise OptionError(f"{form[paths.index(None)]} is missing", where="command line", expected=" and ".join(form))
    if (packed or bits is not None) and given[0] != 1:
        raise OptionError(
            "--packed and --bits are for hash codes", where="command line", expected=" and ".join(_FORMS[1])
        )
    if images is not None and texts is not None:
        return {
            "images": Embeddings.load(images, modality="images"),
            "texts": Embeddings.load(texts, modality="texts"),
        }
    if image_codes is not None and text_codes is not None:
        return {
            "images": HashCodes.load(image_codes, packed=packed, bits=bits),
            "texts": HashCodes.load(text_codes, packed=packed, bits=bits),
        }
    if form[0].startswith("--scores"):
        return {"scores": Scores(*(read_array(path) for path in paths if path is not None))}
    return {"scores": _runs(run_i2t, run_t2i, image_ids, text_ids)}


def _runs(
    run_i2t: Path | None, run_t2i: Path | None, image_ids: Sequence[str] | None, text_ids: Sequence[str] | None
) -> tuple[Any, Any]:
    """Read runs; without identifiers the rows go up to the largest number in either file."""
    named = [read_identifiers(path) if path else ((), ()) for path in (run_i2t, run_t2i)]
    images = image_ids or _row_numbers([*named[0][0], *named[1][1]], "--image-ids")
    texts = text_ids or _row_numbers([*named[0][1], *named[1][0]], "--text-ids")
    return (
        None if run_i2t is None else read_run(run_i2t, query_ids=images, candidate_ids=texts),
        None if run_t2i is None else read_run(run_t2i, query_ids=texts, candidate_ids=images),
    )


def _row_numbers(names: list[str], flag: str) -> list[str]:
    if not all(name.isdecimal() for name in names):
        wrong = next(name for name in names if not name.isdecimal())
        raise OptionError(
            f"the run names {wrong!r}, which is no row number",
            where=flag,
            expected="identifiers in row order",
            fix=f"Pass {flag} with one identifier a line",
        )
    return [str(row) for row in range(1 + max(map(int, names), default=0))]
