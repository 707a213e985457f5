import numpy as np
import pytest
from PIL import Image

from ficoitr.data import load_dataset
from ficoitr.errors import OptionError, ValuesError
from ficoitr.models.features import extract_features, shared_features
from ficoitr.models.features.classic import (
    GLOBAL_BLOCKS,
    REGION_BLOCKS,
    fixed_boxes,
    global_features,
    region_features,
)
from ficoitr.models.features.pixels import colour_histograms, gradient_histograms, reduced_pixels
from ficoitr.models.features.terms import TermWeights, terms_of


@pytest.fixture
def images() -> list[Image.Image]:
    random = np.random.default_rng(0)
    return [
        Image.fromarray(random.integers(0, 256, size=(height, width, 3), dtype=np.uint8))
        for height, width in ((96, 96), (50, 120), (200, 33))
    ]


@pytest.fixture(scope="module")
def scenes():
    return load_dataset("scenes", train=70, validation=10, test=10).split("train")


def grating(degrees: float) -> np.ndarray:
    """Stripes whose gradient points in one direction, as a batch of one picture."""
    y, x = np.mgrid[:96, :96]
    angle = np.deg2rad(degrees)
    wave = 0.5 + 0.5 * np.sin((x * np.cos(angle) + y * np.sin(angle)) / 4)
    return np.repeat(wave[None, :, :, None], 3, axis=3).astype(np.float32)


@pytest.mark.parametrize("orientation", range(9))
def test_gradients_vote_for_their_orientation(orientation):
    histogram = gradient_histograms(grating((orientation + 0.5) * 20), cells=1, block=1)[0]
    assert histogram.argmax() == orientation


def test_gradients_ignore_brightness_and_the_sign_of_contrast():
    stripes = grating(30) * 0.5
    plain = gradient_histograms(stripes, cells=3)
    np.testing.assert_allclose(gradient_histograms(stripes + 0.3, cells=3), plain, atol=1e-4)
    np.testing.assert_allclose(gradient_histograms(1 - stripes, cells=3), plain, atol=1e-4)


def test_mirrored_gradients_are_mirrored_histograms():
    pixels = np.random.default_rng(1).random((1, 96, 96, 3)).astype(np.float32)
    plain = gradient_histograms(pixels, cells=3, block=1).reshape(3, 3, 9)
    mirrored = gradient_histograms(pixels[:, :, ::-1], cells=3, block=1).reshape(3, 3, 9)
    np.testing.assert_allclose(mirrored, plain[:, ::-1, ::-1], atol=1e-5)


def test_a_flat_picture_has_no_gradients():
    assert not gradient_histograms(np.full((1, 96, 96, 3), 0.4, dtype=np.float32), cells=3).any()


def test_colour_histograms_do_not_depend_on_places():
    random = np.random.default_rng(2)
    hsv = random.integers(0, 256, size=(1, 20, 20, 3), dtype=np.uint8)
    shuffled = random.permutation(hsv.reshape(-1, 3)).reshape(1, 20, 20, 3)
    np.testing.assert_array_equal(colour_histograms(hsv, (17, 4, 3)), colour_histograms(shuffled, (17, 4, 3)))
    assert np.linalg.norm(colour_histograms(hsv, (17, 4, 3))) == pytest.approx(1)


def test_colour_histograms_count():
    hsv = np.array([[[[0, 0, 0], [255, 255, 255], [255, 255, 255], [255, 255, 255]]]], dtype=np.uint8)
    np.testing.assert_allclose(colour_histograms(hsv, (2, 2, 2))[0] ** 2, [0.25, 0, 0, 0, 0, 0, 0, 0.75])


def test_reduced_pixels_are_means():
    pixels = np.random.default_rng(3).random((2, 24, 24, 3)).astype(np.float32)
    reduced = reduced_pixels(pixels, 8).reshape(2, 8, 8, 3)
    np.testing.assert_allclose(reduced[1, 2, 5], pixels[1, 6:9, 15:18].mean(axis=(0, 1)), rtol=1e-5)


def test_global_features_have_their_blocks_and_do_not_depend_on_the_batch(images):
    features = global_features(images)
    assert features.shape == (3, 780)
    assert features.dtype == np.float32
    assert sum(block.size for block in GLOBAL_BLOCKS) == 780
    np.testing.assert_allclose(global_features(images[1:2])[0], features[1], atol=1e-6)


def test_region_features_are_those_of_the_crop(images):
    # 24 x 24 pixels are taken as they are; other sizes are interpolated with pixels around the box.
    boxes = [np.array([[0, 0, 96, 96], [10, 20, 34, 44]]), fixed_boxes(images[1].size), np.array([[0, 0, 33, 200]])]
    features = region_features(images, boxes)
    assert [part.shape for part in features] == [(2, 345), (8, 345), (1, 345)]
    assert sum(block.size for block in REGION_BLOCKS) == 345
    crop = region_features([images[0].crop((10, 20, 34, 44))], [np.array([[0, 0, 24, 24]])])[0][0]
    np.testing.assert_allclose(features[0][1][:-9], crop[:-9], atol=1e-6)
    np.testing.assert_allclose(features[0][1][-9:] * 96, [10, 20, 34, 44, 22, 32, 24, 24, 6], rtol=1e-5)


def test_boxes_beyond_the_image_are_cut(images):
    cut, whole = (region_features(images[:1], [np.array([box])])[0] for box in ([-9, -5, 200, 300], [0, 0, 96, 96]))
    np.testing.assert_array_equal(cut, whole)
    assert np.isfinite(region_features(images[:1], [np.array([[95, 95, 95, 95]])])[0]).all()


@pytest.mark.parametrize(("feature_set", "size"), [("global", 780), ("regions", 345)])
def test_extraction_follows_the_order_of_the_images(scenes, feature_set, size):
    features = extract_features(scenes, feature_set)
    assert features.shape == (70, size)
    rows = np.array([69, 3, 30])
    np.testing.assert_allclose(extract_features(scenes.select(rows), feature_set), features[rows], atol=1e-5)


def test_extraction_reports_its_progress(scenes):
    seen = []
    extract_features(scenes, "global", progress=lambda *step: seen.append(step))
    assert seen == [("image features", 64, 70), ("image features", 70, 70)]


def test_features_are_shared_within_the_block_only(scenes):
    outside = extract_features(scenes, "regions")
    with shared_features():
        first = extract_features(scenes, "regions")
        assert extract_features(scenes, "regions") is first
        assert extract_features(scenes.select(np.arange(70)), "regions") is not first
        assert not first.flags.writeable
    assert extract_features(scenes, "regions") is not first
    np.testing.assert_array_equal(outside, first)


def test_an_unknown_feature_set_is_refused(scenes):
    with pytest.raises(OptionError, match=r"'deep'.*global, regions"):
        extract_features(scenes, "deep")


def test_terms_are_words_and_meaningful_pairs():
    assert terms_of("A Red car, by the tall tree!") == [
        "red",
        "car",
        "by",
        "the",
        "tall",
        "tree",
        "red car",
        "tall tree",
    ]


def test_terms_weigh_as_in_scikit_learn():
    texts = ["red car"] * 5 + ["blue car"] * 7
    weights = TermWeights.fit(texts, max_terms=100)
    assert set(weights.terms) == {"red", "blue", "car", "red car", "blue car"}
    car = weights.inverse_frequencies[weights.terms.index("car")]
    red = weights.inverse_frequencies[weights.terms.index("red")]
    assert (car, red) == pytest.approx((1.0, np.log(13 / 6) + 1))
    encoded = weights.encode(["red car", "unknown words"]).toarray()
    np.testing.assert_allclose(np.linalg.norm(encoded, axis=1), [1, 0])


def test_the_most_frequent_terms_are_kept():
    texts = ["cat"] * 9 + ["dog"] * 7 + ["owl"] * 5
    assert TermWeights.fit(texts, max_terms=2).terms == ("cat", "dog")


@pytest.mark.parametrize("texts", [["one word each", "none twice", "ever"], ["", "", "", "", ""], ["a"] * 9])
def test_texts_without_common_terms_are_refused(texts):
    with pytest.raises(ValuesError, match="no term occurs in 5"):
        TermWeights.fit(texts, max_terms=10)


def test_texts_of_another_language_are_refused():
    weights = TermWeights.fit(["a red car"] * 5, max_terms=10)
    with pytest.raises(ValuesError, match="no text contains a term"):
        weights.encode(["ein rotes Auto", "zwei Hunde"])
