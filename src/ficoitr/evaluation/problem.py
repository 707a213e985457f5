"""What is evaluated: outputs of a model, brought into one form and checked against the truth about the data."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property, partial
from pathlib import Path
from typing import Any

import numpy as np

from ficoitr.errors import InputError, OptionError, ShapeError
from ficoitr.evaluation.repeats import without_repeats
from ficoitr.outputs import (
    Embeddings,
    HashCodes,
    RankedLists,
    Scores,
    as_codes,
    as_embeddings,
    as_scores,
    read_qrels,
)
from ficoitr.outputs.checks import check_ids
from ficoitr.outputs.files import digest_arrays, digest_lines, read_array, read_json
from ficoitr.similarity.dense import Vectors
from ficoitr.tasks import (
    assumed_map,
    checked_map,
    label_matrix,
    map_from_counts,
    positives_in_gallery,
    same_width,
)

Array = np.ndarray[Any, Any]
Lists = dict[str, RankedLists]


@dataclass(frozen=True, eq=False)
class Problem:
    """Outputs and truth, both checked.

    Parameters
    ----------
    outputs : pair of Embeddings, pair of HashCodes, Scores, or ranked lists by direction
    text_to_image : int64 array of shape (n_texts,)
    labels : pair of bool arrays (n_images, n_labels), (n_texts, n_labels), or None
    image_ids, text_ids : tuple of str
        Row numbers where no identifiers were given.
    judged : mapping from direction to ``{query: [candidate, …]}``
    inputs : mapping from the name of an input to its hash
    category_source : str
        Where the labels come from if no person has set them.
    notes : list of str
        What was assumed.
    """

    outputs: tuple[Embeddings, Embeddings] | tuple[HashCodes, HashCodes] | Scores | Lists
    n_images: int
    n_texts: int
    text_to_image: Array
    labels: tuple[Array, Array] | None
    image_ids: tuple[str, ...]
    text_ids: tuple[str, ...]
    judged: dict[str, Mapping[Any, Sequence[Any]]]
    inputs: dict[str, str]
    category_source: str = ""
    notes: list[str] = field(default_factory=list)

    @property
    def directions(self) -> tuple[str, ...]:
        """Directions that can be evaluated."""
        return tuple(self.outputs) if isinstance(self.outputs, dict) else ("i2t", "t2i")

    @cached_property
    def vectors(self) -> tuple[Vectors, Vectors]:
        """Embeddings of images and of texts as both directions score them."""
        if not isinstance(self.outputs, tuple):
            raise TypeError("only embeddings are vectors")
        images, texts = self.outputs
        if isinstance(images, HashCodes) or isinstance(texts, HashCodes):
            raise TypeError("only embeddings are vectors")
        return Vectors(images), Vectors(texts)


def build_problem(
    images: Any,
    texts: Any,
    *,
    scores: Any = None,
    text_to_image: Any = None,
    captions_per_image: Any = None,
    categories: Any = None,
    text_categories: Any = None,
    category_source: str | None = None,
    positives: Any = None,
    image_ids: Sequence[str] | None = None,
    text_ids: Sequence[str] | None = None,
    measure: str | None = None,
) -> Problem:
    """Bring what a user passes into one checked form; see `ficoitr.evaluate` for the arguments."""
    notes: list[str] = []
    given, inputs = _read_outputs(images, texts, scores, measure)
    outputs = without_repeats(given, _sizes(given), captions_per_image, text_to_image, notes)
    n_images, n_texts = _sizes(outputs)
    n_given = _sizes(given)[0]
    if image_ids is not None and len(image_ids) == n_given:
        image_ids = image_ids[:: n_given // n_images]
    image_names, text_names = _identifiers(outputs, image_ids, text_ids, n_images, n_texts)
    mapped = _load(text_to_image)
    if mapped is not None and captions_per_image is not None:
        raise OptionError(
            "text_to_image and captions_per_image were both given",
            where="text_to_image",
            expected="one of the two",
        )
    if mapped is not None:
        mapping = checked_map(mapped, n_images, n_texts, image_ids=image_names, text_ids=text_names)
    elif captions_per_image is not None:
        mapping = map_from_counts(captions_per_image, n_images, n_texts)
    else:
        mapping = assumed_map(n_images, n_texts)
        notes.append(
            f"assumed {n_texts // n_images} texts an image, in image order, since no map was given "
            "(text_to_image or captions_per_image)"
        )
    source = _category_source(categories, category_source)
    if source:
        notes.append(f"the categories were not set by people: {source}")
    labels = _labels(_load(categories), _load(text_categories), mapping, n_images, n_texts)
    judged = _known_judgements(_judgements(positives), image_names, text_names, notes)
    truth = {
        "text_to_image": mapping,
        "categories": None if labels is None else np.packbits(labels[0], axis=1),
    }
    inputs |= {name: digest_arrays(array) for name, array in truth.items() if array is not None}
    if text_categories is not None and labels is not None:
        inputs["text_categories"] = digest_arrays(np.packbits(labels[1], axis=1))
    for direction, lists in judged.items():
        flat = (f"{query}:{','.join(map(str, np.atleast_1d(those)))}" for query, those in lists.items())
        inputs[f"positives_{direction}"] = digest_lines(sorted(flat))
    return Problem(outputs, n_images, n_texts, mapping, labels, image_names, text_names, judged, inputs, source, notes)


def _read_outputs(images: Any, texts: Any, scores: Any, measure: str | None) -> tuple[Any, dict[str, str]]:
    if scores is not None:
        if images is not None or texts is not None:
            raise OptionError("both scores and images or texts were given", where="scores", expected="one of the two")
        return _read_scores(scores)
    if images is None or texts is None:
        missing = "images" if images is None else "texts"
        raise OptionError(
            f"{missing} are missing", where=missing, expected="images and texts, or scores", fix="Pass both"
        )
    if isinstance(images, HashCodes) != isinstance(texts, HashCodes):
        raise OptionError(
            "one side is hash codes, the other embeddings",
            where="images and texts",
            expected="one kind for both",
        )
    if isinstance(images, HashCodes) or measure == "hamming":
        pair: Any = tuple(_named(as_codes, one, side) for one, side in ((images, "images"), (texts, "texts")))
        return pair, {"images": digest_arrays(pair[0].words), "texts": digest_arrays(pair[1].words)}
    pair = (
        _named(partial(as_embeddings, modality="images"), images, "images"),
        _named(partial(as_embeddings, modality="texts"), texts, "texts"),
    )
    return pair, {"images": digest_arrays(pair[0].values), "texts": digest_arrays(pair[1].values)}


def _named(read: Callable[[Any], Any], values: Any, side: str) -> Any:
    """Errors about one side of the pair say which side, where they do not name a file."""
    try:
        return read(values)
    except InputError as error:
        if error.where in ("embeddings", "hash codes"):
            raise type(error)(error.what, where=side, expected=error.expected, fix=error.fix) from error
        raise


def _read_scores(scores: Any) -> tuple[Any, dict[str, str]]:
    pair = scores if isinstance(scores, tuple) else (scores,)
    if any(isinstance(one, RankedLists) for one in pair):
        return _read_lists(pair)
    arrays = tuple(read_array(one) if isinstance(one, str | Path) else one for one in pair)
    matrices = scores if isinstance(scores, Scores) else as_scores(arrays if len(arrays) > 1 else arrays[0])
    inputs = {"scores_i2t": digest_arrays(matrices.i2t)}
    if matrices.t2i is not None:
        inputs["scores_t2i"] = digest_arrays(matrices.t2i)
    return matrices, inputs


def _read_lists(pair: tuple[Any, ...]) -> tuple[Any, dict[str, str]]:
    if len(pair) != 2 or not all(one is None or isinstance(one, RankedLists) for one in pair):
        raise OptionError(
            "ranked lists come in a pair", where="scores", expected="(i2t, t2i), one of which may be None"
        )
    lists = {direction: one for direction, one in zip(("i2t", "t2i"), pair, strict=True) if one is not None}
    if len(lists) == 2 and (
        lists["i2t"].n_queries != lists["t2i"].n_candidates or lists["i2t"].n_candidates != lists["t2i"].n_queries
    ):
        sizes = ", ".join(
            f"{name}: {one.n_queries} queries, {one.n_candidates} candidates" for name, one in lists.items()
        )
        raise ShapeError(
            f"the ranked lists of the two directions are of different galleries ({sizes})",
            where="scores",
            expected="as many queries of one direction as candidates of the other",
        )
    inputs = {f"run_{name}": digest_arrays(one.offsets, one.candidates, one.scores) for name, one in lists.items()}
    return lists, inputs


def _sizes(outputs: Any) -> tuple[int, int]:
    if isinstance(outputs, Scores):
        return outputs.n_images, outputs.n_texts
    if isinstance(outputs, dict):
        if "i2t" in outputs:
            return outputs["i2t"].n_queries, outputs["i2t"].n_candidates
        return outputs["t2i"].n_candidates, outputs["t2i"].n_queries
    return len(outputs[0]), len(outputs[1])


def _identifiers(
    outputs: Any, image_ids: Sequence[str] | None, text_ids: Sequence[str] | None, n_images: int, n_texts: int
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    own = (outputs[0].ids, outputs[1].ids) if isinstance(outputs, tuple) else (None, None)
    images = check_ids(image_ids, n_images, "image_ids") or own[0] or tuple(map(str, range(n_images)))
    texts = check_ids(text_ids, n_texts, "text_ids") or own[1] or tuple(map(str, range(n_texts)))
    return images, texts


def _load(value: Any) -> Any:
    """Read an array or JSON where a path was given."""
    if not isinstance(value, str | Path):
        return value
    return read_json(value) if Path(value).suffix == ".json" else read_array(value, mmap=False)


def _category_source(categories: Any, given: str | None) -> str:
    """Where labels come from, if no person has set them: as given, or as the JSON beside their file says."""
    if given is not None or not isinstance(categories, str | Path):
        return given or ""
    beside = Path(categories).with_suffix(".json")
    said = read_json(beside) if beside.is_file() and beside != Path(categories) else None
    return str(said.get("category_source", "")) if isinstance(said, dict) else ""


def _labels(
    categories: Any, text_categories: Any, mapping: Array, n_images: int, n_texts: int
) -> tuple[Array, Array] | None:
    if categories is None:
        if text_categories is not None:
            raise OptionError(
                "texts have labels but images have none", where="text_categories", fix="Pass categories too"
            )
        return None
    if text_categories is None:
        matrix = label_matrix(categories, n_images, name="categories")
        return matrix, matrix[mapping]
    own, other = np.asarray(categories), np.asarray(text_categories)
    if own.ndim == other.ndim == 1 and len(own) == n_images and len(other) == n_texts:
        # Class numbers of both sides are one alphabet, however many of them each side happens to use.
        both = label_matrix(np.concatenate((own, other)), n_images + n_texts, name="categories and text_categories")
        return both[:n_images], both[n_images:]
    return same_width(
        label_matrix(own, n_images, name="categories"), label_matrix(other, n_texts, name="text_categories")
    )


def _judgements(positives: Any) -> dict[str, Mapping[Any, Sequence[Any]]]:
    if positives is None:
        return {}
    pair = positives if isinstance(positives, Mapping) and set(positives) <= {"i2t", "t2i"} else None
    if pair is None and isinstance(positives, tuple) and len(positives) == 2:
        pair = {"i2t": positives[0], "t2i": positives[1]}
    if not pair:
        raise OptionError(
            "the positives are not given by direction",
            where="positives",
            expected='{"i2t": {image: [text, …]}, "t2i": {text: [image, …]}}, or that pair as a tuple',
        )
    judged = {direction: _read_judgements(one) for direction, one in pair.items() if one is not None}
    for direction, one in judged.items():
        if not isinstance(one, Mapping):
            raise OptionError(
                f"the judgements are a {type(one).__name__}",
                where=f"positives {direction}",
                expected="{query: [candidate, …]}",
            )
    return judged


def _known_judgements(
    judged: dict[str, Mapping[Any, Sequence[Any]]], images: Sequence[str], texts: Sequence[str], notes: list[str]
) -> dict[str, Mapping[Any, Sequence[Any]]]:
    known: dict[str, Mapping[Any, Sequence[Any]]] = {}
    for direction, those in judged.items():
        known[direction], left_out = positives_in_gallery(those, texts if direction == "i2t" else images)
        if left_out:
            query, candidate = left_out[0]
            notes.append(
                f"positives {direction}: {len(left_out)} candidates are not in the gallery and were left out, "
                f"the first is {candidate!r} of query {query!r}"
            )
    return known


def _read_judgements(value: Any) -> Any:
    if not isinstance(value, str | Path):
        return value
    return read_qrels(value) if Path(value).suffix in (".qrels", ".txt", ".tsv") else read_json(value)
