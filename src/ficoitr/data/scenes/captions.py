"""Five captions an item, of eleven families, each with what it claims."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from ficoitr.data.scenes.authoring import Author, plain_mention, with_article
from ficoitr.data.scenes.claims import (
    UNSAID,
    Claim,
    Mention,
    Relation,
    matches,
    side_of,
)
from ficoitr.data.scenes.frequencies import FAMILY_WEIGHTS
from ficoitr.data.scenes.streams import Purpose, Stream, running_sums
from ficoitr.data.scenes.vocabulary import (
    GROUP_MASKS,
    GROUPS,
    KINDS,
    LEFT_SIDE,
    NUMBERS,
    RIGHT_SIDE,
    SCENES,
    SIDES,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from ficoitr.data.scenes.layout import Layout, PlacedObject

CAPTIONS_PER_IMAGE = 5
_TRIES = 12
_FRAMES = ("a picture of", "an image of", "there is")
_OPENINGS = ("", "", "you can see ", "a picture with ")
_CONTAINS = ("with", "containing", "where there is")


class Caption(NamedTuple):
    """A text, what it claims, and the family it is of."""

    text: str
    claim: Claim
    family: str


def make_captions(layout: Layout, seed: int, item: int) -> tuple[Caption, ...]:
    """Return the five captions of an item; none of them repeats another's claim unless nothing else is left.

    Parameters
    ----------
    layout : Layout
        The item's layout.
    seed, item : int
        What the layout was made from.
    """
    author = Author(layout, Stream(seed, item, Purpose.CAPTIONS))
    captions: list[Caption] = []
    for _ in range(CAPTIONS_PER_IMAGE):
        captions.append(_another(author, captions))
    return tuple(captions)


def _another(author: Author, captions: list[Caption]) -> Caption:
    caption = None
    for _ in range(_TRIES):
        candidate = _FAMILIES[FAMILY_NAMES[author.stream.weighted(_SUMS)]](author)
        if candidate is None:
            continue
        caption = candidate
        if not any(_near(candidate, other) for other in captions):
            break
    return caption or _attribute_scene(author)


def _near(one: Caption, other: Caption) -> bool:
    """Return whether two captions say the same, or the same family mentions the same objects."""
    if one.claim == other.claim:
        return True
    return one.family == other.family and one.claim.mentions == other.claim.mentions[::-1]


def _rich(author: Author) -> Caption | None:
    core = _attribute_relation(author)
    if core is None:
        return None
    text, mentions = core.text, core.claim.mentions
    others = [thing for thing in author.things if not any(matches(mention, thing) for mention in mentions)]
    if others:
        phrase, mention = author.maybe_coloured(author.stream.pick(others))
        text, mentions = f"{text}, with {phrase}", (*mentions, mention)
    claim = Claim(mentions, core.claim.relations, author.layout.scene)
    return Caption(f"{text} {author.place()}", claim, "rich")


def _attribute_relation(author: Author) -> Caption | None:
    if not author.pairs:
        return None
    one, relation, two = author.stream.pick(author.pairs)
    (first, subject), (second, other) = author.described(one), author.described(two)
    claim = Claim((subject, other), (Relation(0, relation, 1),))
    return Caption(f"{first} {author.relation(relation)} {second}", claim, "attribute-relation")


def _pair_scene(author: Author) -> Caption | None:
    if len(author.things) < 2:
        return None
    one, two = _two(author)
    (first, mention), (second, other) = author.described(one), author.maybe_coloured(two)
    claim = Claim((mention, other), scene=author.layout.scene)
    return Caption(f"{first} and {second} {author.place()}", claim, "pair-scene")


def _list(author: Author) -> Caption | None:
    if len(author.things) < 2:
        return None
    counts: dict[int, int] = {}
    for thing in author.things:
        counts[thing.kind] = counts.get(thing.kind, 0) + 1
    phrases = []
    for kind, count in counts.items():
        noun = author.stream.pick(KINDS[kind].nouns)
        phrases.append(f"{noun.article} {noun.singular}" if count == 1 else f"{NUMBERS[count]} {noun.plural}")
    mentions = tuple(Mention(1 << kind) for kind, count in counts.items() for _ in range(count))
    text = " and ".join((", ".join(phrases[:-1]), phrases[-1])) if len(phrases) > 1 else phrases[0]
    return Caption(f"{author.stream.pick(_OPENINGS)}{text}", Claim(mentions), "list")


def _positions(author: Author) -> Caption | None:
    if len(author.things) == 1:
        return _position(author, author.things[0])
    lefts = [thing for thing in author.things if side_of(thing) == LEFT_SIDE]
    rights = [thing for thing in author.things if side_of(thing) == RIGHT_SIDE]
    if not lefts or not rights:
        return None
    left, right = author.stream.pick(lefts), author.stream.pick(rights)
    (first, one), (second, two) = author.maybe_coloured(left), author.maybe_coloured(right)
    text = f"{first} {author.stream.pick(SIDES[LEFT_SIDE])} and {second} {author.stream.pick(SIDES[RIGHT_SIDE])}"
    mentions = one._replace(side=LEFT_SIDE), two._replace(side=RIGHT_SIDE)
    return Caption(text, Claim(mentions), "positions")


def _position(author: Author, thing: PlacedObject) -> Caption | None:
    side = side_of(thing)
    if side == UNSAID:
        return None
    phrase, mention = author.described(thing)
    claim = Claim((mention._replace(side=side),), scene=author.layout.scene)
    return Caption(f"{phrase} {author.stream.pick(SIDES[side])} {author.place()}", claim, "positions")


def _attribute_scene(author: Author) -> Caption:
    text, mention = author.sized(author.stream.pick(author.things))
    return Caption(f"{text} {author.place()}", Claim((mention,), scene=author.layout.scene), "attribute-scene")


def _count(author: Author) -> Caption:
    thing, n = author.stream.pick(author.things), len(author.things)
    phrase, mention = author.described(thing)
    opening = f"one thing {author.place()}," if n == 1 else f"{NUMBERS[n]} things {author.place()}, one of them"
    return Caption(f"{opening} {phrase}", Claim((mention,), scene=author.layout.scene, n_objects=n), "count")


def _relation(author: Author) -> Caption | None:
    if not author.pairs:
        return None
    one, relation, two = author.stream.pick(author.pairs)
    text = f"{author.stream.pick(_OPENINGS)}{author.plain(one)} {author.relation(relation)} {author.plain(two)}"
    return Caption(text, Claim((plain_mention(one), plain_mention(two)), (Relation(0, relation, 1),)), "relation")


def _hypernym(author: Author) -> Caption | None:
    if not author.pairs:
        return None
    one, relation, two = author.stream.pick(author.pairs)
    group = KINDS[one.kind].group
    noun = author.stream.pick(GROUPS[group]).singular
    text = f"{with_article(f'{author.colour(one)} {noun}')} {author.relation(relation)} {author.plain(two)}"
    mentions = Mention(GROUP_MASKS[group], one.colour), plain_mention(two)
    return Caption(text, Claim(mentions, (Relation(0, relation, 1),)), "hypernym")


def _gist(author: Author) -> Caption:
    group = KINDS[author.stream.pick(author.things).kind].group
    noun = author.stream.pick(GROUPS[group]).singular
    place = author.stream.pick(SCENES[author.layout.scene].nouns)
    text = f"{place} {author.stream.pick(_CONTAINS)} {with_article(noun)}"
    return Caption(text, Claim((Mention(GROUP_MASKS[group]),), scene=author.layout.scene), "gist")


def _one(author: Author) -> Caption:
    text, mention = author.sized(author.stream.pick(author.things))
    return Caption(f"{author.stream.pick(_FRAMES)} {text}", Claim((mention,)), "one")


def _two(author: Author) -> tuple[PlacedObject, PlacedObject]:
    first = author.stream.below(len(author.things))
    second = author.stream.below(len(author.things) - 1)
    return author.things[first], author.things[second + (second >= first)]


_FAMILIES: dict[str, Callable[[Author], Caption | None]] = {
    "rich": _rich,
    "attribute-relation": _attribute_relation,
    "pair-scene": _pair_scene,
    "list": _list,
    "positions": _positions,
    "attribute-scene": _attribute_scene,
    "count": _count,
    "relation": _relation,
    "hypernym": _hypernym,
    "gist": _gist,
    "one": _one,
}
FAMILY_NAMES = tuple(_FAMILIES)
_SUMS = running_sums([FAMILY_WEIGHTS[name] for name in FAMILY_NAMES])
