"""What scenes are made of, and the words for it: kinds, groups, colours, sizes, scenes, relations."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple


class Noun(NamedTuple):
    """A noun in singular and plural, with the article of the singular."""

    article: str
    singular: str
    plural: str


def _noun(singular: str, plural: str | None = None) -> Noun:
    return Noun("an" if singular[0] in "aeiou" else "a", singular, plural or singular + "s")


@dataclass(frozen=True)
class Kind:
    """A kind of object.

    Parameters
    ----------
    nouns : tuple of Noun
        The first is the kind's name, the others are synonyms.
    group : int
        Row of ``GROUPS``.
    extent : tuple of int
        Width and height in percent of the pictogram's square.
    usual : tuple of int
        Rows of ``COLOURS`` that are usual for it.
    sky : bool
        Whether it stands above the horizon.
    """

    nouns: tuple[Noun, ...]
    group: int
    extent: tuple[int, int]
    usual: tuple[int, ...]
    sky: bool = False

    @property
    def name(self) -> str:
        """The kind's name."""
        return self.nouns[0].singular


GROUPS: tuple[tuple[Noun, ...], ...] = (
    (_noun("person", "people"), _noun("human")),
    (_noun("animal"), _noun("creature")),
    (_noun("vehicle"),),
    (_noun("plant"),),
    (_noun("building"), _noun("shelter")),
    (_noun("item"), _noun("article")),
)
PERSON, ANIMAL, VEHICLE, PLANT, BUILDING, ITEM = range(6)

COLOURS: tuple[tuple[str, ...], ...] = (
    ("red", "crimson"),
    ("orange", "tangerine"),
    ("yellow", "golden"),
    ("green", "emerald"),
    ("blue", "azure"),
    ("purple", "violet"),
    ("white", "ivory"),
    ("black", "jet-black"),
)
RED, ORANGE, YELLOW, GREEN, BLUE, PURPLE, WHITE, BLACK = range(8)

SMALL, MEDIUM, LARGE = range(3)
SIZES: tuple[tuple[str, ...], ...] = (("small", "little", "tiny"), (), ("big", "large"))

KINDS: tuple[Kind, ...] = (
    Kind((_noun("person", "people"), _noun("figure")), PERSON, (62, 100), (RED, BLUE)),
    Kind((_noun("cat"), _noun("kitten")), ANIMAL, (77, 96), (BLACK, ORANGE)),
    Kind((_noun("rabbit"), _noun("bunny", "bunnies")), ANIMAL, (61, 100), (WHITE,)),
    Kind((_noun("bird"),), ANIMAL, (100, 66), (BLUE, RED), sky=True),
    Kind((_noun("fish", "fish"),), ANIMAL, (96, 61), (ORANGE, BLUE)),
    Kind((_noun("butterfly", "butterflies"),), ANIMAL, (96, 83), (PURPLE, YELLOW), sky=True),
    Kind((_noun("car"), _noun("automobile")), VEHICLE, (100, 64), (RED, BLUE)),
    Kind((_noun("bus", "buses"), _noun("coach", "coaches")), VEHICLE, (100, 69), (YELLOW, RED)),
    Kind((_noun("boat"), _noun("sailboat")), VEHICLE, (94, 98), (WHITE, BLUE)),
    Kind((_noun("plane"), _noun("airplane")), VEHICLE, (100, 67), (WHITE,), sky=True),
    Kind((_noun("balloon"), _noun("hot-air balloon")), VEHICLE, (71, 100), (RED, PURPLE), sky=True),
    Kind((_noun("tree"),), PLANT, (80, 100), (GREEN,)),
    Kind((_noun("flower"), _noun("blossom")), PLANT, (62, 100), (RED, YELLOW)),
    Kind((_noun("mushroom"), _noun("toadstool")), PLANT, (86, 79), (RED,)),
    Kind((_noun("cactus", "cacti"),), PLANT, (76, 100), (GREEN,)),
    Kind((_noun("house"), _noun("cottage")), BUILDING, (96, 95), (WHITE, RED)),
    Kind((_noun("tent"),), BUILDING, (100, 80), (ORANGE, GREEN)),
    Kind((_noun("ball"),), ITEM, (76, 76), (RED, BLUE)),
    Kind((_noun("gift"), _noun("present")), ITEM, (82, 86), (PURPLE, RED)),
    Kind((_noun("cup"), _noun("mug")), ITEM, (86, 66), (WHITE,)),
    Kind((_noun("umbrella"), _noun("parasol")), ITEM, (98, 97), (BLUE, YELLOW)),
    Kind((_noun("kite"),), ITEM, (68, 100), (RED, YELLOW), sky=True),
    Kind((_noun("lamp"),), ITEM, (70, 100), (YELLOW, WHITE)),
    Kind((_noun("star"),), ITEM, (98, 94), (YELLOW,), sky=True),
)
KIND_ROW = {kind.name: row for row, kind in enumerate(KINDS)}
KIND_NAMES = tuple(KIND_ROW)
PERSON_KIND = KIND_ROW["person"]
GROUP_NAMES = tuple(nouns[0].singular for nouns in GROUPS)
GROUP_MASKS = tuple(
    sum(1 << row for row, kind in enumerate(KINDS) if kind.group == group) for group in range(len(GROUPS))
)

MEADOW, BEACH, STREET, SNOW, DESERT, ROOM = range(6)


class SceneWords(NamedTuple):
    """The words for a scene: as a place that things are in, and as a noun."""

    places: tuple[str, ...]
    nouns: tuple[str, ...]


SCENES: tuple[SceneWords, ...] = (
    SceneWords(
        ("in a meadow", "on the grass", "in a green field", "in the countryside"),
        ("a meadow", "a green field", "some countryside"),
    ),
    SceneWords(
        ("on a beach", "by the sea", "at the seaside", "on the shore"),
        ("a beach", "the seaside", "a sandy shore"),
    ),
    SceneWords(
        ("in a street", "in a town", "in the city", "on the road"),
        ("a street", "a town", "a city scene"),
    ),
    SceneWords(
        ("in the snow", "in a snowy landscape", "on a winter day", "near snowy mountains"),
        ("a snowy landscape", "a winter scene", "a snow field"),
    ),
    SceneWords(
        ("in the desert", "among the dunes", "in a dry land", "on hot sand"),
        ("a desert", "a dry land", "a place full of dunes"),
    ),
    SceneWords(
        ("in a room", "indoors", "on a wooden floor", "beside a window"),
        ("a room", "an indoor scene", "a room with a wooden floor"),
    ),
)
SCENE_NAMES = ("meadow", "beach", "street", "snow", "desert", "room")

DAY, SUNSET, NIGHT = range(3)

LEFT_OF, RIGHT_OF, ABOVE, BELOW = range(4)
RELATIONS: tuple[tuple[str, ...], ...] = (
    ("left of", "to the left of", "on the left of"),
    ("right of", "to the right of", "on the right of"),
    ("above", "higher than", "higher up than"),
    ("below", "lower than", "lower down than"),
)
OPPOSITE = (RIGHT_OF, LEFT_OF, BELOW, ABOVE)

LEFT_SIDE, RIGHT_SIDE = range(2)
SIDES: tuple[tuple[str, ...], ...] = (
    ("on the left", "on the left side"),
    ("on the right", "on the right side"),
)

NUMBERS = ("no", "one", "two", "three", "four", "five")
