"""An item of `scenes`: a pure function of seed and number, whose captions are true."""

from __future__ import annotations

import hashlib
import re
import subprocess
import sys
from itertools import combinations, groupby
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ficoitr.data import load_dataset
from ficoitr.data.scenes import captions
from ficoitr.data.scenes.captions import FAMILY_NAMES, make_captions
from ficoitr.data.scenes.claims import UNSAID, fits
from ficoitr.data.scenes.layout import SIDE, Layout, make_layout
from ficoitr.data.scenes.pictograms import PICTOGRAMS
from ficoitr.data.scenes.picture import draw_item
from ficoitr.data.scenes.sprites import drawn_size, sprite
from ficoitr.data.scenes.streams import Purpose, Stream, random_bytes, running_sums, stream_key
from ficoitr.data.scenes.vocabulary import (
    COLOURS,
    GROUP_MASKS,
    GROUPS,
    KIND_NAMES,
    KINDS,
    LARGE,
    RELATIONS,
    ROOM,
    SCENES,
    SIZES,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

ITEMS = range(300)
SEED = 4

# Layout with captions, and picture: the same on every platform and with every version of the libraries.
GOLDEN = {
    (0, 0): ("791593ceb54f84db", "a12e846cd3a3d9e5"),
    (0, 1): ("9bb0938e4f4898c4", "184f8f1185f2ba0e"),
    (7, 4_999_999): ("db8f406896bea677", "0a6fa2c95f2c6c7b"),
    (20114, 2_000_000_000): ("ef3071898de341dc", "b43af71c17647b0f"),
    (2**63 - 1, 1_000_000_000): ("3f48c1dfae01c20a", "1a9a8d0c263df68f"),
}


def in_words(seed: int, item: int) -> str:
    layout = make_layout(seed, item)
    texts = [caption.text for caption in make_captions(layout, seed, item)]
    return repr((tuple(layout)[:3], [tuple(thing) for thing in layout.objects], texts))


def short_hash(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:16]


@pytest.mark.parametrize(("seed", "item"), GOLDEN)
def test_items_stay_what_they_are(seed: int, item: int) -> None:
    words, pixels = in_words(seed, item).encode(), draw_item(seed, item).tobytes()
    assert (short_hash(words), short_hash(pixels)) == GOLDEN[seed, item]


def test_splitmix64_gives_the_published_numbers() -> None:
    # Seed 1234567, as in Rosetta Code's test vector of SplitMix64.
    numbers = random_bytes(1234567, 24).view("<u8").tolist()
    assert numbers == [6457827717110365317, 3203168211198807973, 9817491932198370423]


def test_a_stream_and_its_bytes_are_the_same_numbers() -> None:
    stream = Stream(3, 5, Purpose.NOISE)
    words = random_bytes(stream_key(3, 5, Purpose.NOISE), 800).view("<u8").tolist()
    assert [stream.below(1000) for _ in range(100)] == [(word >> 32) * 1000 >> 32 for word in words]


def test_streams_have_keys_of_their_own() -> None:
    keys = {stream_key(seed, item, purpose) for seed in range(20) for item in range(500) for purpose in Purpose}
    assert len(keys) == 20 * 500 * len(Purpose)


def test_items_do_not_depend_on_what_was_made_before() -> None:
    forward = [in_words(SEED, item) for item in range(20)]
    backward = [in_words(SEED, item) for item in reversed(range(20))]
    assert forward == backward[::-1]
    pixels = draw_item(SEED, 3).tobytes()
    draw_item(SEED + 1, 3)
    assert draw_item(SEED, 3).tobytes() == pixels


def test_items_are_the_same_in_another_process() -> None:
    code = (
        "import hashlib; from ficoitr.data.scenes.picture import draw_item;"
        f"print(hashlib.sha256(b''.join(draw_item({SEED}, i).tobytes() for i in range(30))).hexdigest())"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    here = hashlib.sha256(b"".join(draw_item(SEED, item).tobytes() for item in range(30))).hexdigest()
    assert run.stdout.strip() == here


def test_other_captions_never_change_a_picture_its_regions_or_probes(monkeypatch: pytest.MonkeyPatch) -> None:
    def everything_else() -> list[object]:
        truth = load_dataset("scenes", seed=SEED, train=0, validation=0, test=5).extra["scenes"]
        return [
            (draw_item(SEED, item).tobytes(), truth.boxes(row).tolist(), truth.probes(row))
            for row, item in enumerate(truth.items.tolist())
        ]

    before, captions_before = everything_else(), make_captions(make_layout(SEED, 8), SEED, 8)
    monkeypatch.setattr(captions, "_SUMS", running_sums([1] * len(FAMILY_NAMES)))
    assert make_captions(make_layout(SEED, 8), SEED, 8) != captions_before
    assert everything_else() == before


def test_different_items_are_different_pictures() -> None:
    assert len({draw_item(SEED, item).tobytes() for item in range(100)}) == 100
    assert len({draw_item(seed, 0).tobytes() for seed in range(50)}) == 50


@pytest.fixture(scope="module")
def layouts() -> list[Layout]:
    return [make_layout(SEED, item) for item in ITEMS]


def test_layouts_keep_their_rules(layouts: list[Layout]) -> None:
    for layout in layouts:
        assert 1 <= len(layout.objects) <= 5
        assert sum(thing.size == LARGE for thing in layout.objects) <= 2
        assert list(layout.objects) == sorted(layout.objects, key=lambda thing: (thing.bottom, thing.left))
        for thing in layout.objects:
            assert thing.left >= 1
            assert thing.top >= 1
            assert thing.left + thing.width < SIDE
            assert thing.bottom < SIDE
            if layout.scene != ROOM and KINDS[thing.kind].sky:
                assert thing.top + thing.height <= max(layout.horizon + 2, thing.height + 1)
            elif layout.scene != ROOM:
                assert thing.bottom > layout.horizon
        for one, two in combinations(layout.objects, 2):
            across = min(one.left + one.width, two.left + two.width) - max(one.left, two.left)
            down = min(one.bottom, two.bottom) - max(one.top, two.top)
            smaller = min(one.width * one.height, two.width * two.height)
            assert max(across, 0) * max(down, 0) <= 0.36 * smaller


def test_everything_there_is_occurs(layouts: list[Layout]) -> None:
    assert {layout.scene for layout in layouts} == set(range(len(SCENES)))
    things = [thing for layout in layouts for thing in layout.objects]
    assert {thing.kind for thing in things} == set(range(len(KINDS)))
    assert {thing.colour for thing in things} == set(range(len(COLOURS)))
    assert {len(layout.objects) for layout in layouts} == {1, 2, 3, 4, 5}


def test_captions_are_true_of_their_picture(layouts: list[Layout]) -> None:
    families = set()
    for item, layout in enumerate(layouts):
        written = make_captions(layout, SEED, item)
        assert len(written) == 5
        families |= {caption.family for caption in written}
        assert all(fits(caption.claim, layout) for caption in written), item
    assert families == set(FAMILY_NAMES)


def _rows(table: tuple[tuple[str, ...], ...]) -> dict[str, int]:
    return {words: row for row, synonyms in enumerate(table) for words in synonyms}


def _any(words: Iterable[str]) -> str:
    return "|".join(sorted(words, key=len, reverse=True))


def _said(rows: Iterable[int]) -> list[int]:
    return [row for row in rows if row != UNSAID]


def _without_repeats(masks: Iterable[int]) -> list[int]:
    return [mask for mask, _ in groupby(masks)]


def test_the_words_say_what_the_claim_says(layouts: list[Layout]) -> None:
    masks = {noun.singular: GROUP_MASKS[group] for group, names in enumerate(GROUPS) for noun in names}
    for row, kind in enumerate(KINDS):
        masks |= {form: 1 << row for noun in kind.nouns for form in (noun.singular, noun.plural)}
    colours, sizes, relations = _rows(COLOURS), _rows(SIZES), _rows(RELATIONS)
    for item, layout in enumerate(layouts):
        for caption in make_captions(layout, SEED, item):
            text, claim = caption.text, caption.claim
            # A noun or another adjective follows a colour; "a green field" is a place.
            coloured = [colours[word] for word in re.findall(rf"\b({_any(colours)})(?= \w)(?! field)", text)]
            assert coloured == [mention.colour for mention in claim.mentions if mention.colour != UNSAID], text
            sized = [sizes[word] for word in re.findall(rf"\b({_any(sizes)})\b", text)]
            assert sized == _said(mention.size for mention in claim.mentions), text
            related = [relations[words] for words in re.findall(rf"\b({_any(relations)})\b", text)]
            assert related == [relation.relation for relation in claim.relations], text
            named = [masks[word] for word in re.findall(rf"\b({_any(masks)})\b", text)]
            # "two cats" is one noun and two mentions.
            assert _without_repeats(named) == _without_repeats(mention.kinds for mention in claim.mentions), text


def test_captions_of_a_picture_differ(layouts: list[Layout]) -> None:
    same = sum(
        len({caption.text for caption in make_captions(make_layout(SEED, item), SEED, item)}) < 5 for item in ITEMS
    )
    assert same <= len(ITEMS) // 50


@given(st.integers(0, 2**63 - 1), st.integers(0, 2**40))
@settings(max_examples=40, deadline=None)
def test_any_seed_and_number_is_an_item(seed: int, item: int) -> None:
    layout = make_layout(seed, item)
    image = draw_item(seed, item)
    assert (image.size, image.mode) == ((96, 96), "RGB")
    assert all(fits(caption.claim, layout) for caption in make_captions(layout, seed, item))


def test_pictograms_are_drawn_as_wide_and_high_as_boxes_say() -> None:
    assert set(PICTOGRAMS) == set(KIND_NAMES)
    for row, kind in enumerate(KINDS):
        width, height = drawn_size(row)
        assert kind.extent[0] / kind.extent[1] == pytest.approx(width / height, rel=0.05), kind.name


def test_sprites_fill_their_box_and_mirror() -> None:
    for kind in range(len(KINDS)):
        picture_, mirrored = (np.asarray(sprite(kind, 0, 0, turn, 30, 30)) for turn in (False, True))
        np.testing.assert_array_equal(picture_[:, ::-1], mirrored)
        opaque = picture_[..., 3] > 0
        assert opaque.any(axis=0).all()
        assert opaque.any(axis=1).all()


def test_colours_can_be_told_apart() -> None:
    for kind in range(len(KINDS)):
        pictures = [np.asarray(sprite(kind, colour, 0, False, 18, 18)).astype(int) for colour in range(8)]
        for one, two in combinations(pictures, 2):
            assert np.abs(one - two)[..., :3].mean() > 4, KIND_NAMES[kind]
