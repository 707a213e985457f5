"""The dataset in the report: its card, and thumbnails of a few images."""

from __future__ import annotations

import base64
import io
from dataclasses import dataclass
from typing import TYPE_CHECKING

from PIL import ImageOps

from ficoitr.data.card import data_card
from ficoitr.data.card_page import card_facts
from ficoitr.evaluation.tables import Cell, Table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from PIL import Image

    from ficoitr.data import Dataset

_THUMBNAIL = 240
_CATEGORIES_SHOWN = 20


@dataclass(frozen=True)
class Thumbnail:
    """A sample: its picture as a data address (empty without pixels), a text and the labels."""

    source: str
    text: str
    labels: str


@dataclass(frozen=True)
class DatasetSection:
    """What the page says of a dataset."""

    name: str
    facts: list[tuple[str, str]]
    splits: Table | None
    categories: Table | None
    thumbnails: list[Thumbnail]


def dataset_section(dataset: Dataset) -> DatasetSection:
    """Count a dataset and draw a few of its images; the others are not opened."""
    card = data_card(dataset)
    splits = [(name, f"{images:,}", f"{texts:,}") for name, (images, texts) in card.splits.items()]
    counts = card.labels.counts[:_CATEGORIES_SHOWN] if card.labels else ()
    categories = [(one.name, f"{one.images:,}", f"{100 * one.images / card.images:.1f}%") for one in counts]
    return DatasetSection(
        name=card.name,
        facts=card_facts(card),
        splits=_table("Splits", ("Split", "Images", "Texts"), splits),
        categories=_table("The most frequent categories", ("Category", "Images", "Share"), categories),
        thumbnails=[
            Thumbnail(
                source=_embedded(dataset.images[one.row]) if dataset.has_pixels else "",
                text=one.texts[0] if one.texts else one.image_id,
                labels=", ".join(one.labels),
            )
            for one in card.samples
        ],
    )


def _table(title: str, columns: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> Table | None:
    return Table(title, columns, tuple(tuple(map(Cell, row)) for row in rows)) if rows else None


def _embedded(image: Image.Image) -> str:
    buffer = io.BytesIO()
    ImageOps.contain(image, (_THUMBNAIL, _THUMBNAIL)).save(buffer, format="WEBP", quality=80)
    return f"data:image/webp;base64,{base64.b64encode(buffer.getvalue()).decode()}"
