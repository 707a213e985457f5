"""A data card in words: as facts, and as a page of Markdown."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tabulate import tabulate

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ficoitr.data.card import DataCard

_UNREADABLE_SHOWN = 5
_NUMBERS = ("Images", "Texts", "Share")


def card_facts(card: DataCard) -> list[tuple[str, str]]:
    """List what a card says in one line each, as pairs of a term and its value."""
    facts = [
        ("Images", f"{card.images:,}"),
        ("Texts", f"{card.texts:,}"),
        ("Texts an image", ", ".join(f"{n} ({images:,} images)" for n, images in card.texts_per_image.items())),
    ]
    if card.words is not None:
        fewest, mean, most = card.words.per_text
        facts += [
            ("Words a text", f"{mean:.1f} on average, {fewest} to {most}"),
            ("Distinct words", f"{card.words.distinct:,}"),
            ("Texts without a word", f"{card.words.texts_without:,}"),
            ("Repeated texts, ignoring case", f"{card.words.repeated_texts:,}"),
        ]
    if card.pixels is not None:
        facts += [
            ("Width in pixels", "smallest {:,}, median {:,}, largest {:,}".format(*card.pixels.widths)),
            ("Height in pixels", "smallest {:,}, median {:,}, largest {:,}".format(*card.pixels.heights)),
            ("Repeated images", f"{card.pixels.repeated:,}"),
            ("Unreadable images", _names(card.pixels.unreadable)),
        ]
    for one in card.features:
        facts.append((f"Features of {one.side}", f"{one.name}: {' × '.join(map(str, one.shape))}, {one.dtype}"))
    if card.labels is not None:
        facts += [
            ("Categories", f"{len(card.labels.counts):,}"),
            ("Labels an image", f"{card.labels.per_image:.2f} on average"),
            ("Images without a label", f"{card.labels.images_without:,}"),
            ("Pairs of images that share a label", f"{100 * card.labels.relevant_pairs:.1f}%"),
        ]
        if card.labels.source:
            facts.append(("Labels set by", f"no person, but {card.labels.source}"))
    return [*facts, ("SHA-256", card.digest)]


def card_page(card: DataCard, pictures: str | None = None) -> str:
    """Write a card as a page of Markdown.

    Parameters
    ----------
    card : DataCard
    pictures : str, optional
        The address of a picture of the samples.
    """
    parts = [f"# {card.name}", _table(card_facts(card), ("Fact", "Value"))]
    if card.splits:
        rows = [(name, f"{images:,}", f"{texts:,}") for name, (images, texts) in card.splits.items()]
        parts += ["## Splits", _table(rows, ("Split", "Images", "Texts"))]
    if card.labels is not None:
        share = [(one.name, f"{one.images:,}", f"{100 * one.images / card.images:.1f}%") for one in card.labels.counts]
        parts += ["## Categories", _table(share, ("Category", "Images", "Share"))]
        together = [(f"{one.first}, {one.second}", f"{one.images:,}") for one in card.labels.together]
        if together:
            parts += ["## Categories that stand together most often", _table(together, ("Categories", "Images"))]
    if card.samples:
        parts += ["## Samples"]
        if pictures is not None:
            parts.append(f"![{len(card.samples)} images, evenly spaced, in the order of the table]({pictures})")
        # Without words or labels there is no column for them.
        columns = {
            "Image": [one.image_id for one in card.samples],
            "First text": [one.texts[0] for one in card.samples if one.texts],
            "Labels": [", ".join(one.labels) for one in card.samples if card.labels is not None],
        }
        filled = {name: [_cell(text) for text in column] for name, column in columns.items() if column}
        parts.append(_table(list(zip(*filled.values(), strict=True)), tuple(filled)))
    return "\n\n".join(parts) + "\n"


def _names(ids: Sequence[str]) -> str:
    if not ids:
        return "0"
    shown = ", ".join(ids[:_UNREADABLE_SHOWN])
    return f"{len(ids):,}: {shown}{', …' if len(ids) > _UNREADABLE_SHOWN else ''}"


def _cell(text: str) -> str:
    # A text may hold what would end a cell or a row.
    return " ".join(text.replace("|", "\\|").split())


def _table(rows: Sequence[Sequence[str]], columns: Sequence[str]) -> str:
    align = ["left", *("right" if column in _NUMBERS else "left" for column in columns[1:])]
    return str(tabulate(rows, columns, tablefmt="github", colalign=align, disable_numparse=True))
