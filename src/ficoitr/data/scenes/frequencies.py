"""How often what occurs. These numbers decide whether the benchmark is informative (docs/scenes.md)."""

from __future__ import annotations

from ficoitr.data.scenes.streams import running_sums
from ficoitr.data.scenes.vocabulary import KIND_NAMES

COUNT_SUMS = running_sums((8, 27, 32, 21, 12))  # 1 to 5 objects
TIME_SUMS = running_sums((55, 20, 25))  # day, sunset, night
SIZE_SUMS = running_sums((36, 40, 24))  # small, medium, large
LARGE_AT_MOST = 2
REPEAT = 18  # percent: a kind that is there already
USUAL_COLOUR = 20  # percent: a colour that is usual for the kind
PERSON_FIRST = (24, 30, 33, 24, 18, 33)  # percent by scene: .6 of .3 to .55

_SIGNATURE, _POSSIBLE, _STRANGER = 150, 5, 1
_SIGNATURES = (
    "tree flower rabbit",
    "boat umbrella bird",
    "car lamp bus",
    "tree house star",
    "cactus tent balloon",
    "lamp cup cat",
)
_POSSIBLES = (
    "person cat rabbit bird butterfly balloon mushroom house tent ball kite fish",
    "person cat bird fish plane ball kite star cup tent house balloon",
    "person cat bird bus plane tree house balloon gift umbrella flower ball",
    "person cat rabbit bird plane tent lamp gift star ball balloon car",
    "person bird car bus plane balloon flower ball star kite rabbit house",
    "person cat rabbit fish flower gift ball umbrella star balloon cactus bird",
)


def _weights(scene: int) -> tuple[int, ...]:
    weight = dict.fromkeys(KIND_NAMES, _STRANGER)
    weight |= dict.fromkeys(_POSSIBLES[scene].split(), _POSSIBLE)
    weight |= dict.fromkeys(_SIGNATURES[scene].split(), _SIGNATURE)
    return tuple(weight[name] for name in KIND_NAMES)


KIND_SUMS = tuple(running_sums(_weights(scene)) for scene in range(len(_SIGNATURES)))
SIZE_SAID = 40  # percent: a size in families that can do without
COLOUR_SAID = 35  # percent: a colour in families that can do without

FAMILY_WEIGHTS = {
    "rich": 250,
    "attribute-relation": 200,
    "pair-scene": 200,
    "list": 120,
    "positions": 90,
    "attribute-scene": 80,
    "count": 80,
    "relation": 50,
    "hypernym": 40,
    "gist": 35,
    "one": 15,
}
