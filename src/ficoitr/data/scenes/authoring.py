"""How the author of a caption sees a layout and puts things into words."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ficoitr.data.scenes.claims import RELATION_MARGIN, UNSAID, Mention, centre
from ficoitr.data.scenes.frequencies import COLOUR_SAID, SIZE_SAID
from ficoitr.data.scenes.vocabulary import (
    ABOVE,
    BELOW,
    COLOURS,
    KINDS,
    LEFT_OF,
    MEDIUM,
    RELATIONS,
    RIGHT_OF,
    SCENES,
    SIZES,
)

if TYPE_CHECKING:
    from ficoitr.data.scenes.layout import Layout, PlacedObject
    from ficoitr.data.scenes.streams import Stream


class Author:
    """A layout as a caption's author sees it, with the random numbers to choose by."""

    def __init__(self, layout: Layout, stream: Stream) -> None:
        self.layout = layout
        self.things = layout.objects
        self.stream = stream
        self.pairs = [
            (one, relation, two)
            for one in self.things
            for two in self.things
            if one is not two and (relation := main_relation(one, two)) != UNSAID
        ]

    def place(self) -> str:
        """Return words for the place."""
        return self.stream.pick(SCENES[self.layout.scene].places)

    def noun(self, thing: PlacedObject) -> str:
        """Return a noun for an object."""
        return self.stream.pick(KINDS[thing.kind].nouns).singular

    def colour(self, thing: PlacedObject) -> str:
        """Return a word for an object's colour."""
        return self.stream.pick(COLOURS[thing.colour])

    def described(self, thing: PlacedObject) -> tuple[str, Mention]:
        """Describe by colour and kind, sometimes by size too."""
        if self.stream.chance(SIZE_SAID):
            return self.sized(thing)
        return self.coloured(thing), coloured_mention(thing)

    def maybe_coloured(self, thing: PlacedObject) -> tuple[str, Mention]:
        """Describe by kind, sometimes by colour too."""
        if self.stream.chance(COLOUR_SAID):
            return self.coloured(thing), coloured_mention(thing)
        return self.plain(thing), plain_mention(thing)

    def plain(self, thing: PlacedObject) -> str:
        """Describe by kind."""
        return with_article(self.noun(thing))

    def coloured(self, thing: PlacedObject) -> str:
        """Describe by colour and kind."""
        return with_article(f"{self.colour(thing)} {self.noun(thing)}")

    def sized(self, thing: PlacedObject) -> tuple[str, Mention]:
        """Describe by size (if it is not medium), colour and kind."""
        if thing.size == MEDIUM:
            return self.coloured(thing), coloured_mention(thing)
        size = self.stream.pick(SIZES[thing.size])
        text = with_article(f"{size} {self.colour(thing)} {self.noun(thing)}")
        return text, Mention(1 << thing.kind, thing.colour, thing.size)

    def relation(self, relation: int) -> str:
        """Return words for a relation."""
        return self.stream.pick(RELATIONS[relation])


def plain_mention(thing: PlacedObject) -> Mention:
    """Return the mention of an object by kind."""
    return Mention(1 << thing.kind)


def coloured_mention(thing: PlacedObject) -> Mention:
    """Return the mention of an object by colour and kind."""
    return Mention(1 << thing.kind, thing.colour)


def main_relation(one: PlacedObject, two: PlacedObject) -> int:
    """Return the relation along the longer axis, or ``UNSAID`` if the centres are too close."""
    (x1, y1), (x2, y2) = centre(one), centre(two)
    across, down = x2 - x1, y2 - y1
    if max(abs(across), abs(down)) < RELATION_MARGIN:
        return UNSAID
    if abs(across) >= abs(down):
        return LEFT_OF if across > 0 else RIGHT_OF
    return ABOVE if down > 0 else BELOW


def with_article(words: str) -> str:
    """Return words with the indefinite article."""
    return f"an {words}" if words[0] in "aeiou" else f"a {words}"
