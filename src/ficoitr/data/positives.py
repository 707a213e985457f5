"""Matches that COCO's captions miss: Crisscrossed Captions and ECCV Caption, from the package eccv-caption."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from ficoitr.data.files import read_json
from ficoitr.errors import IdentifierError, MissingExtraError, OptionError

if TYPE_CHECKING:
    from ficoitr.data.dataset import Dataset

_SETS = ("cxc", "eccv")


def extra_positives(dataset: Dataset, which: Literal["cxc", "eccv"]) -> dict[str, dict[str, list[str]]]:
    """Find the matches of COCO images and captions that people have confirmed beyond the five captions of an image.

    Parameters
    ----------
    dataset : Dataset
        Images of COCO's Karpathy test split, with COCO's image and caption identifiers.
    which : {"cxc", "eccv"}
        Crisscrossed Captions (Parekh et al., EACL 2021) or ECCV Caption (Chun et al., ECCV 2022).

    Returns
    -------
    {"i2t": {image: [text, ...]}, "t2i": {text: [image, ...]}}
        By identifier, only those that the dataset has: the form of ``positives`` in `ficoitr.evaluate`. Queries that
        were not judged are absent.

    Raises
    ------
    OptionError
        For another name.
    MissingExtraError
        If the package eccv-caption, which holds the files, is not installed (extra ``data``).
    IdentifierError
        If the dataset has none of the images judged.
    """
    if which not in _SETS:
        raise OptionError(f"{which!r} is unknown", where="which", expected=" or ".join(map(repr, _SETS)))
    folder = _folder()
    image_ids, text_ids = set(dataset.image_ids), set(dataset.text_ids)
    positives = {
        "i2t": _among(folder / f"{which}_image_to_caption.json", image_ids, text_ids),
        "t2i": _among(folder / f"{which}_caption_to_image.json", text_ids, image_ids),
    }
    if not positives["i2t"]:
        raise IdentifierError(
            f"none of the images was judged, the first is {dataset.image_ids[0]!r}",
            where=f"dataset {dataset.name!r}",
            expected="images of COCO's Karpathy test split, by COCO's identifiers such as '391895'",
        )
    return positives


def _folder() -> Path:
    # The package itself is not imported: it asks for a JSON library and warns without it.
    spec = find_spec("eccv_caption")
    if spec is None or spec.origin is None:
        raise MissingExtraError(
            "the library 'eccv_caption' is not installed",
            where="extra positives",
            fix="Install it with the extra: pip install 'ficoitr[data]'",
        )
    return Path(spec.origin).parent / "data"


def _among(path: Path, queries: set[str], candidates: set[str]) -> dict[str, list[str]]:
    matches = read_json(path, dict[str, list[int]])
    found = {
        query: [str(one) for one in those if str(one) in candidates]
        for query, those in matches.items()
        if query in queries
    }
    return {query: those for query, those in found.items() if those}
