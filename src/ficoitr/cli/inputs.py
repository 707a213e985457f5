"""From the flags of `ficoitr evaluate` to the arguments of `ficoitr.evaluate`."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from ficoitr.errors import CaptionMapError, IdentifierError, OptionError, OutputError
from ficoitr.outputs import Embeddings, HashCodes, RankedLists, Scores, mean_scores, read_run
from ficoitr.outputs.embeddings import read_ids
from ficoitr.outputs.files import read_array, read_json
from ficoitr.outputs.trec import read_identifiers
from ficoitr.tasks import plain_array

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
    scores: Sequence[Path] | None,
    scores_i2t: Path | None,
    scores_t2i: Path | None,
    run_i2t: Path | None,
    run_t2i: Path | None,
    image_ids: Sequence[str] | None,
    text_ids: Sequence[str] | None,
    text_to_image: Path | None,
    captions_per_image: int | None,
) -> dict[str, Any]:
    """Read the one form of outputs that was given.

    Runs need identifiers or the truth, since they need not name all there is to search.

    Raises
    ------
    OptionError
        If none was given, more than one, or half of one, or if nothing says how much a run searches.
    """
    scores = scores or None
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
    if scores:
        return {"scores": _ensemble(scores) if scores[1:] else read_array(scores[0])}
    if scores_i2t is not None and scores_t2i is not None:
        return {"scores": Scores(read_array(scores_i2t), read_array(scores_t2i))}
    truth = {"text_to_image": text_to_image, "captions_per_image": captions_per_image}
    return {"scores": _runs(run_i2t, run_t2i, image_ids, text_ids, **truth)}


def require_folder(folder: Path) -> None:
    """Raise a clear error unless files could be written to a folder, made if need be: before the work, not after it.

    Raises
    ------
    OutputError
        If the folder, or the nearest above it that there is, is a file or may not be written.
    """
    nearest = next(one for one in (folder, *folder.parents) if os.access(one, os.F_OK))
    if not nearest.is_dir():
        raise OutputError(f"{nearest} is no folder", where=str(folder), fix="Choose another folder")
    if not os.access(nearest, os.W_OK | os.X_OK):
        raise OutputError(
            f"the folder {nearest} may not be written", where=str(folder), fix="Choose a folder you may write to"
        )


def _ensemble(paths: Sequence[Path]) -> Scores:
    """Read the scores of several models; where identifiers lie beside them, they have to be the same."""
    for side in ("images", "texts"):
        known = {path: ids for path in paths if (ids := read_ids(path.with_name(f"{side}.npy"))) is not None}
        first = next(iter(known), None)
        for path, ids in known.items():
            if first is not None and ids != known[first]:
                raise IdentifierError(
                    f"the {side} are not those of {first}, or in another order",
                    where=str(path),
                    expected=f"the same {side}.ids.txt beside both",
                    fix="Encode the same split of the same dataset by both models",
                )
    return mean_scores([read_array(path) for path in paths], [str(path) for path in paths])


def _runs(
    run_i2t: Path | None,
    run_t2i: Path | None,
    image_ids: Sequence[str] | None,
    text_ids: Sequence[str] | None,
    **truth: Any,
) -> tuple[RankedLists | None, RankedLists | None]:
    """Read runs; without identifiers they name rows."""
    if not (image_ids and text_ids):
        queries = {}
        for direction, path in (("i2t", run_i2t), ("t2i", run_t2i)):
            named = read_identifiers(path) if path else ((), ())
            images, texts = named if direction == "i2t" else named[::-1]
            if not image_ids:
                _require_row_numbers(images, "--image-ids")
            if not text_ids:
                _require_row_numbers(texts, "--text-ids")
            queries[direction] = len(set(named[0]))
        n_images, n_texts = _sizes(
            len(image_ids or ()), len(text_ids or ()), queries=(queries["i2t"], queries["t2i"]), **truth
        )
        if run_i2t is not None and not text_ids and n_texts > n_images > 1:
            _require_texts_beyond(read_identifiers(run_i2t)[1], n_images, n_texts)
        image_ids = image_ids or [str(row) for row in range(n_images)]
        text_ids = text_ids or [str(row) for row in range(n_texts)]
    return (
        None if run_i2t is None else read_run(run_i2t, query_ids=image_ids, candidate_ids=text_ids),
        None if run_t2i is None else read_run(run_t2i, query_ids=text_ids, candidate_ids=image_ids),
    )


def _require_texts_beyond(named: Iterable[str], n_images: int, n_texts: int) -> None:
    """Refuse a run of text queries that was given for image queries: it names images only."""
    last = max(map(int, named))
    if last < n_images:
        raise OptionError(
            f"{n_texts} texts are to be searched, but the run names none beyond row {last}",
            where="--run-i2t",
            expected="a run of image queries over all texts",
            fix="Is this the run of text queries (--run-t2i)? Otherwise pass --image-ids and --text-ids",
        )


def _require_row_numbers(names: Iterable[str], flag: str) -> None:
    wrong = next((name for name in names if not name.isdecimal()), None)
    if wrong is not None:
        raise OptionError(
            f"the run names {wrong!r}, which is no row number",
            where=flag,
            expected="identifiers in row order",
            fix=f"Pass {flag} with one identifier a line",
        )


def _sizes(
    n_images: int,
    n_texts: int,
    *,
    queries: tuple[int, int],
    text_to_image: Path | None,
    captions_per_image: int | None,
) -> tuple[int, int]:
    """Numbers of images and texts, where 0 stands for not known; a run names all its queries, but few candidates."""
    if text_to_image is not None:
        mapped = _sizes_of_map(text_to_image)
        n_images, n_texts = n_images or mapped[0], n_texts or mapped[1]
    elif captions_per_image is not None:
        if captions_per_image < 1:
            raise CaptionMapError(
                f"captions_per_image is {captions_per_image}", where="captions_per_image", expected="1 or more"
            )
        n_images = n_images or queries[0]
        n_texts = n_texts or captions_per_image * n_images or queries[1]
        n_images = n_images or -(-n_texts // captions_per_image)
    if not (n_images and n_texts):
        raise OptionError(
            "how many images and texts there are is not known, since a run need not name all that is searched",
            where="command line",
            expected="--image-ids and --text-ids, or --text-to-image with rows of images, or --captions-per-image",
        )
    return n_images, n_texts


def _sizes_of_map(path: Path) -> tuple[int, int]:
    """Numbers of images and texts in a map, which has a text of every image; 0 images where it does not give rows."""
    given = read_json(path) if path.suffix == ".json" else read_array(path)
    rows = plain_array(
        list(given.values()) if isinstance(given, Mapping) else given,
        error=CaptionMapError,
        where="text_to_image",
        expected="one row of an image a text",
    )
    numbers = rows.size and rows.dtype.kind in "iu" and rows.min() >= 0
    return int(rows.max()) + 1 if numbers else 0, rows.size
