"""Probes: a true caption of an image beside a false one that differs in a single point."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from ficoitr.data.scenes.authoring import Author, coloured_mention, with_article
from ficoitr.data.scenes.claims import Claim, Relation, fits
from ficoitr.data.scenes.streams import Purpose, Stream
from ficoitr.data.scenes.vocabulary import COLOURS, KINDS, OPPOSITE, RELATIONS

if TYPE_CHECKING:
    from ficoitr.data.scenes.layout import Layout

PROBE_TYPES = ("noun replaced", "colour replaced", "colours swapped", "relation reversed")


class Probe(NamedTuple):
    """A pair of captions; a model passes if it scores the true one higher.

    Parameters
    ----------
    type : str
        One of ``PROBE_TYPES``: in which point the false caption differs.
    true, false : str
        The captions.
    """

    type: str
    true: str
    false: str


def make_probes(layout: Layout, seed: int, item: int) -> tuple[Probe, ...]:
    """Return up to four probes of an item, at most one of each type.

    An item with a single object, or whose altered caption happens to be true as well, has fewer.
    """
    stream = Stream(seed, item, Purpose.PROBES)
    pairs = Author(layout, stream).pairs
    if not pairs:
        return ()
    one, relation, two = stream.pick(pairs)
    true = Claim((coloured_mention(one), coloured_mention(two)), (Relation(0, relation, 1),))
    altered = (
        _with_first(true, kinds=1 << _another(one.kind, len(KINDS), stream)),
        _with_first(true, colour=_another(one.colour, len(COLOURS), stream)),
        true._replace(
            mentions=(
                true.mentions[0]._replace(colour=two.colour),
                true.mentions[1]._replace(colour=one.colour),
            )
        ),
        true._replace(relations=(Relation(0, OPPOSITE[relation], 1),)),
    )
    return tuple(
        Probe(kind, _write(true), _write(false))
        for kind, false in zip(PROBE_TYPES, altered, strict=True)
        if not fits(false, layout)
    )


def _with_first(claim: Claim, **changes: int) -> Claim:
    return claim._replace(mentions=(claim.mentions[0]._replace(**changes), claim.mentions[1]))


def _another(value: int, n: int, stream: Stream) -> int:
    """Return a number below n other than the value, all equally likely."""
    return (value + 1 + stream.below(n - 1)) % n


def _write(claim: Claim) -> str:
    # Always the first word for a thing: a synonym must not give the false caption away.
    first, second = (
        with_article(f"{COLOURS[mention.colour][0]} {KINDS[mention.kinds.bit_length() - 1].name}")
        for mention in claim.mentions
    )
    return f"{first} {RELATIONS[claim.relations[0].relation][0]} {second}"
