"""What a caption claims, in machine-readable form, and when a claim fits a layout."""

from __future__ import annotations

from itertools import permutations
from typing import TYPE_CHECKING, NamedTuple

from ficoitr.data.scenes.layout import SIDE
from ficoitr.data.scenes.vocabulary import ABOVE, BELOW, LEFT_OF, LEFT_SIDE, RIGHT_OF, RIGHT_SIDE

if TYPE_CHECKING:
    from ficoitr.data.scenes.layout import Layout, PlacedObject

# Twice the pixels, so that the centre of a box is an integer.
RELATION_MARGIN = 2 * 8
SIDE_LIMITS = (2 * (SIDE // 2 - 8), 2 * (SIDE // 2 + 8))
UNSAID = -1


class Mention(NamedTuple):
    """An object that a caption mentions; ``UNSAID`` where it leaves something open."""

    kinds: int  # bit k: the object may be of kind k
    colour: int = UNSAID
    size: int = UNSAID
    side: int = UNSAID


class Relation(NamedTuple):
    """A relation between two mentions: subject and object are rows of ``Claim.mentions``."""

    subject: int
    relation: int
    object: int


class Claim(NamedTuple):
    """All that a caption says. It says that these objects exist, not that there are no others."""

    mentions: tuple[Mention, ...]
    relations: tuple[Relation, ...] = ()
    scene: int = UNSAID
    n_objects: int = UNSAID  # the exact number of all objects


def centre(thing: PlacedObject) -> tuple[int, int]:
    """Return twice the centre of an object's box."""
    return 2 * thing.left + thing.width, 2 * thing.top + thing.height


def side_of(thing: PlacedObject) -> int:
    """Return whether an object is on the left or right side, or ``UNSAID`` in the middle."""
    x, _ = centre(thing)
    return LEFT_SIDE if x <= SIDE_LIMITS[0] else RIGHT_SIDE if x >= SIDE_LIMITS[1] else UNSAID


def related(subject: PlacedObject, relation: int, other: PlacedObject) -> bool:
    """Return whether a relation holds: the centres differ by at least 8 pixels in that direction."""
    (x1, y1), (x2, y2) = centre(subject), centre(other)
    difference = {LEFT_OF: x2 - x1, RIGHT_OF: x1 - x2, ABOVE: y2 - y1, BELOW: y1 - y2}[relation]
    return difference >= RELATION_MARGIN


def matches(mention: Mention, thing: PlacedObject) -> bool:
    """Return whether an object is what a mention says."""
    return (
        bool(mention.kinds >> thing.kind & 1)
        and mention.colour in (UNSAID, thing.colour)
        and mention.size in (UNSAID, thing.size)
        and mention.side in (UNSAID, side_of(thing))
    )


def fits(claim: Claim, layout: Layout) -> bool:
    """Return whether a claim is true of a layout.

    The existential reading: different mentions can be assigned to different objects so that every
    mention and relation holds. This is the definition; ``fitting.fitting_images`` does it in bulk.
    """
    if claim.scene not in (UNSAID, layout.scene) or claim.n_objects not in (UNSAID, len(layout.objects)):
        return False
    return any(
        all(matches(mention, thing) for mention, thing in zip(claim.mentions, chosen, strict=True))
        and all(related(chosen[subject], relation, chosen[other]) for subject, relation, other in claim.relations)
        for chosen in permutations(layout.objects, len(claim.mentions))
    )
