"""The fine-grained models as a user trains, uses, saves and loads them."""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import ficoitr
from ficoitr.data import Dataset, load_dataset
from ficoitr.data.stored import StoredFeatures
from ficoitr.errors import FileFormatError, InputError, OptionError, ShapeError, ValuesError
from ficoitr.models.fine.published import read_network
from ficoitr.models.fine.vocabulary import Vocabulary
from ficoitr.outputs import Embeddings, VectorSets
from fine.test_checkpoints import LISTS, small_weights, write

TINY = {
    "scan": {"width": 32, "word_width": 16},
    "vsrn": {"width": 32, "word_width": 16, "caption_hidden": 16, "caption_word_width": 8},
    "imram": {"width": 24, "word_width": 16, "steps": 2, "mode": "text"},
    "sgraf": {"width": 24, "word_width": 16, "similarity_width": 16},
    "vsepp": {"width": 32, "word_width": 16},
    "vse-infinity": {"width": 32, "word_width": 16},
}
LEARNING = {"hardest_negatives": False, "same_image_negatives": False, "learning_rate": 5e-3}
PAIRS = ("scan", "imram", "sgraf")


@pytest.fixture(scope="module")
def scenes() -> Dataset:
    return load_dataset("scenes", train=120, validation=20, test=40, seed=3)


def made(name: str, **options: Any) -> Any:
    training = {"epochs": 8 if name == "sgraf" else 4, "batch_size": 50, "drop_last": True}
    return ficoitr.load_model(
        name, config={**TINY[name], **LEARNING, "image_scaling": "each", "training": training, **options}
    )


@pytest.fixture(scope="module", params=TINY)
def trained(request: pytest.FixtureRequest, scenes: Dataset) -> Any:
    torch.set_num_threads(1)
    return made(request.param).fit(scenes.split("train"), scenes.split("validation"), seed=1)


def recalls(scores: Any, data: Dataset) -> list[float]:
    evaluation = ficoitr.evaluate(scores=scores, text_to_image=data.text_to_image, resamples=0)
    return [evaluation[f"instance.{direction}.R@10"].value for direction in ("i2t", "t2i")]


def test_it_learns_more_than_chance(trained: Any, scenes: Dataset) -> None:
    # Of 40 images and 200 texts, guessing finds a right one among ten in about .23 and .25 of the queries.
    assert np.mean(recalls(trained.scores(scenes.split("test")), scenes.split("test"))) > 0.4
    assert trained.inputs == "region-set, words"
    assert (trained.granularity, trained.measure) == ("fine", "pairs" if trained.name in PAIRS else "cosine")
    assert trained.trained.best is not None


def test_what_it_hands_on(trained: Any, scenes: Dataset) -> None:
    test = scenes.split("test")
    images, texts = trained.encode_images(test), trained.encode_texts(test)
    assert (images.ids, texts.ids) == (test.image_ids, test.text_ids)
    scores = trained.scorer(images, texts).matrix()
    if trained.measure == "pairs":
        assert isinstance(images, VectorSets)
        assert images.rows.shape == (40, 8, TINY[trained.name]["width"])
        assert len(texts) == 200
        return
    assert isinstance(images, Embeddings)
    by_scores = ficoitr.evaluate(scores=scores, text_to_image=test.text_to_image, resamples=0)
    by_vectors = ficoitr.evaluate(images, texts, text_to_image=test.text_to_image, measure=trained.measure, resamples=0)
    # Float32 rounds a product and a cosine of unit vectors apart, which may exchange neighbours.
    assert by_scores["instance.rsum"].value == pytest.approx(by_vectors["instance.rsum"].value, abs=0.03)


def test_a_saved_model_scores_the_same(trained: Any, scenes: Dataset, tmp_path: Path) -> None:
    trained.save(tmp_path / "model.safetensors")
    loaded: Any = ficoitr.load_model(trained.name, checkpoint=tmp_path / "model.safetensors")
    test = scenes.split("test")
    np.testing.assert_array_equal(loaded.scores(test).i2t, trained.scores(test).i2t)
    assert loaded.n_parameters == trained.n_parameters
    with pytest.raises(OptionError, match="width is"):
        ficoitr.load_model(trained.name, checkpoint=tmp_path / "model.safetensors", config={"width": 99})


def test_the_same_seed_gives_the_same_model(scenes: Dataset) -> None:
    training = {"epochs": 1, "batch_size": 50}
    one, two, other = (
        made("vsepp", training=training).fit(scenes.split("train"), seed=seed).encode_images(scenes.split("test"))
        for seed in (5, 5, 6)
    )
    np.testing.assert_array_equal(one.values, two.values)
    assert not np.array_equal(one.values, other.values)


def test_a_loaded_encoder_of_words_changes_no_random_number(scenes: Dataset) -> None:
    """Whoever loads MiniLM first draws its first weights; training does not hang on that."""
    from ficoitr.models.features import registry

    options = {"word_vectors": "minilm", "training": {"epochs": 1, "batch_size": 50}}
    registry._load.cache_clear()
    first, second = (made("vsrn", **options).fit(scenes.split("train"), seed=1) for _ in range(2))
    test = scenes.split("test")
    np.testing.assert_array_equal(first.encode_images(test).values, second.encode_images(test).values)


class StoppedError(Exception):
    """A start that is stopped."""


def stop(what: str, done: int, total: int) -> None:
    if what == "scoring" and done < total:
        raise StoppedError


def test_scores_that_were_interrupted_go_on(scan: Any, scenes: Dataset, tmp_path: Path) -> None:
    train = replace(scenes.split("train"), image_features={"mine": stored(regions(120, 8, 20))})
    whole = scan.scores(train).i2t
    with pytest.raises(StoppedError):
        scan.scores(train, folder=tmp_path, progress=stop)
    seen: list[int] = []
    kept = scan.scores(train, folder=tmp_path, progress=lambda _, done, __: seen.append(done)).i2t
    np.testing.assert_array_equal(kept, whole)
    scan.scores(train, folder=tmp_path, progress=stop)
    assert len(list(tmp_path.glob("scores-*.npy"))) == 1


def test_training_that_was_stopped_comes_to_the_same_model(scenes: Dataset, tmp_path: Path) -> None:
    options = {"training": {"epochs": 2, "batch_size": 50, "save_seconds": 0}}
    train, test = scenes.split("train"), scenes.split("test")

    def stop_training(what: str, done: int, total: int) -> None:
        if what == "epoch 2 of 2" and done == 3:
            raise StoppedError

    with pytest.raises(StoppedError):
        made("vsrn", **options).fit(train, seed=1, folder=tmp_path, progress=stop_training)
    again = made("vsrn", **options).fit(train, seed=1, folder=tmp_path)
    whole = made("vsrn", **options).fit(train, seed=1)
    np.testing.assert_array_equal(again.encode_texts(test).values, whole.encode_texts(test).values)
    with pytest.raises(OptionError, match="the training begun here had another config"):
        made("vsrn", **options, vocabulary_threshold=9).fit(train, seed=1, folder=tmp_path)


def test_what_is_no_output_of_the_model_is_refused(scan: Any, scenes: Dataset) -> None:
    test = replace(scenes.split("test"), image_features={"mine": stored(regions(40, 8, 20))})
    images, texts = scan.encode_images(test), scan.encode_texts(test)
    vectors = Embeddings(np.ones((40, 32), dtype=np.float32))
    narrow = VectorSets(np.ones((40, 31), dtype=np.float32), np.ones(40, dtype=np.int64))
    for pair, where in (((vectors, texts), "images"), ((images, narrow), "texts")):
        with pytest.raises(ShapeError, match=f"{where}: these are .*Expected VectorSets of 32 numbers"):
            scan.scorer(*pair)
    with pytest.raises(ShapeError, match="only the model that made them compares"):
        ficoitr.evaluate(images, texts, text_to_image=test.text_to_image)
    with pytest.raises(OptionError, match=r"'pairs' is unknown.*Pass scores="):
        ficoitr.evaluate(images, texts, text_to_image=test.text_to_image, measure=scan.measure)


def test_the_data_say_how_many_regions_there_are(scenes: Dataset, tmp_path: Path) -> None:
    training = {"epochs": 1, "batch_size": 50, "drop_last": True}
    made("sgraf", training=training).fit(scenes.split("train")).save(tmp_path / "model.safetensors")
    loaded: Any = ficoitr.load_model("sgraf", checkpoint=tmp_path / "model.safetensors", config={"regions": 8})
    assert loaded.config.regions == 8
    with pytest.raises(OptionError, match=r"an image has 8 regions.*Expected 36"):
        made("sgraf", regions=36, training=training).fit(scenes.split("train"))


def test_vse_may_read_a_vector_an_image(scenes: Dataset, tmp_path: Path) -> None:
    model = made("vsepp", vectors=True, training={"epochs": 1, "batch_size": 50}).fit(scenes.split("train"))
    assert model.inputs == "global, words"
    model.save(tmp_path / "model.safetensors")
    loaded = ficoitr.load_model("vsepp", checkpoint=tmp_path / "model.safetensors")
    test = scenes.split("test")
    np.testing.assert_array_equal(loaded.encode_images(test).values, model.encode_images(test).values)


def test_order_embeddings_are_compared_by_the_model_alone(scenes: Dataset) -> None:
    options = {"similarity": "order", "absolute": True, "training": {"epochs": 1, "batch_size": 50}}
    model = made("vsepp", **options).fit(scenes.split("train"))
    test = scenes.split("test")
    images, texts = model.encode_images(test).values, model.encode_texts(test).values
    distances = np.linalg.norm(np.maximum(texts[None] - images[:, None], 0), axis=2)
    assert model.measure == "pairs"
    np.testing.assert_allclose(model.scores(test).i2t, -distances, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("case", LISTS)
def test_the_authors_checkpoints(golden: Path, scenes: Dataset, tmp_path: Path, case: str) -> None:
    name = LISTS[case][2]
    # Small, since the reasoning of VSRN multiplies regions by themselves, block after block.
    weights = [
        {key: one if one.dtype == torch.int64 else 0.1 * one for key, one in state.items()}
        for state in small_weights(golden, case)
    ]
    path = write(tmp_path / "model_best.pth.tar", weights)
    n_words = next(one for state in weights for key, one in state.items() if key.endswith("embed.weight")).shape[0]
    vocabulary = sized(scenes, n_words - (name == "vse-infinity"))
    vocabulary.write(tmp_path / "vocab.json")
    model: Any = ficoitr.load_model(name, checkpoint=path, config={"vocabulary": str(tmp_path / "vocab.json")})
    data = with_regions(scenes, 36, 16)
    scores = model.scores(data).i2t
    # Regions as they are, words by the file: what the networks of the file make of them.
    network: Any = read_network(path, name).network
    words = vocabulary.with_mask() if name == "vse-infinity" else vocabulary
    with torch.inference_mode():
        images = network.encode_images(torch.from_numpy(data.image_features["regions"][:]))
        expected = network.score(images, network.encode_texts(words.encode_all(data.texts)))
    np.testing.assert_allclose(scores, expected, rtol=1e-4, atol=1e-6)
    model.save(tmp_path / "own.safetensors")
    # The file holds the words, so that the vocabulary is not needed again.
    (tmp_path / "vocab.json").unlink()
    again: Any = ficoitr.load_model(name, checkpoint=tmp_path / "own.safetensors")
    np.testing.assert_array_equal(again.scores(data).i2t, scores)
    with pytest.raises(OptionError, match="the file holds the words that it knows"):
        ficoitr.load_model(name, checkpoint=tmp_path / "own.safetensors", config={"vocabulary": "vocab.json"})


def test_what_a_checkpoint_says_and_what_is_asked(golden: Path, scenes: Dataset, tmp_path: Path) -> None:
    told = argparse.Namespace(cross_attn="i2t", lambda_softmax=4.0, agg_func="Mean")
    path = write(tmp_path / "model_best.pth.tar", small_weights(golden, "scan"), opt=told)
    sized(scenes, 30).write(tmp_path / "vocab.json")
    config = {"vocabulary": str(tmp_path / "vocab.json"), "lambda_softmax": 7.0}
    model: Any = ficoitr.load_model("scan", checkpoint=path, config=config)
    found = (model.config.direction, model.config.aggregation, model.config.lambda_softmax)
    assert found == ("i2t", "Mean", 7.0)
    data = with_regions(scenes, 36, 16)
    other: Any = ficoitr.load_model("scan", checkpoint=path, config={**config, "direction": "t2i"})
    assert not np.allclose(model.scores(data).i2t, other.scores(data).i2t)


def test_a_checkpoint_needs_its_words(golden: Path, scenes: Dataset, tmp_path: Path) -> None:
    path = write(tmp_path / "model_best.pth.tar", small_weights(golden, "scan"))
    with pytest.raises(OptionError, match="does not hold the words"):
        ficoitr.load_model("scan", checkpoint=path)
    sized(scenes, 29).write(tmp_path / "vocab.json")
    with pytest.raises(FileFormatError, match="the vocabulary has 29 words"):
        ficoitr.load_model("scan", checkpoint=path, config={"vocabulary": str(tmp_path / "vocab.json")})
    with pytest.raises(FileFormatError):
        ficoitr.load_model("scan", checkpoint=path, config={"vocabulary": str(tmp_path / "missing.json")})


def sized(data: Dataset, size: int) -> Vocabulary:
    """The most frequent words of a dataset, so many that the vocabulary has that size."""
    return Vocabulary(Vocabulary.build(data.texts, threshold=1).words[:size])


def with_regions(data: Dataset, n_regions: int, width: int) -> Dataset:
    """Six images of a dataset, with regions of that number and width."""
    some = data.split("test").select(np.arange(6))
    values = np.random.default_rng(0).random((6, n_regions, width), dtype=np.float32)
    return replace(some, image_features={"regions": stored(values)})


def stored(values: np.ndarray) -> StoredFeatures:
    return StoredFeatures.of(values)


@pytest.fixture(scope="module")
def scan(scenes: Dataset) -> Any:
    torch.set_num_threads(1)
    return made("scan", features="mine", training={"epochs": 1, "batch_size": 50}).fit(
        replace(scenes.split("train"), image_features={"mine": stored(regions(120, 8, 20))})
    )


def regions(n_images: int, n_regions: int, width: int) -> np.ndarray:
    return np.random.default_rng(1).random((n_images, n_regions, width), dtype=np.float32)


def test_captions_of_every_kind(scan: Any, scenes: Dataset) -> None:
    """Empty ones, one of unknown words alone, and long ones, in any order, as in a batch of their own."""
    test = scenes.split("test").select(np.arange(1))
    texts = ("", "   ", "xyzzy plugh", "a red car " * 60, "a car", "?!")
    mine = {"mine": stored(regions(1, 8, 20))}
    data = replace(
        test,
        texts=texts,
        text_ids=tuple(map(str, range(6))),
        text_to_image=np.zeros(6, dtype=np.int64),
        image_features=mine,
        extra={},
    )
    together = scan.scores(data).i2t[0]
    assert np.isfinite(together).all()
    assert together[0] == together[1]
    for row, text in enumerate(texts):
        one = replace(data, texts=(text,), text_ids=("0",), text_to_image=np.zeros(1, dtype=np.int64))
        np.testing.assert_allclose(scan.scores(one).i2t[0, 0], together[row], rtol=1e-5, atol=1e-6)


def bad_regions(data: Dataset, shape: tuple[int, ...], value: float = 1.0) -> Dataset:
    return replace(data, image_features={"mine": stored(np.full(shape, value, dtype=np.float32))})


@pytest.mark.parametrize(
    ("shape", "value", "error", "message"),
    [
        ((40, 8, 21), 1.0, ShapeError, r"features 'mine' have the shape \(8, 21\)"),
        ((40, 9, 20), 1.0, ShapeError, r"features 'mine' have the shape \(9, 20\)"),
        ((40, 20), 1.0, ShapeError, r"features 'mine' have the shape \(20,\)"),
        ((40, 8, 20), np.nan, ValuesError, "image 0"),
    ],
)
def test_regions_of_another_form(
    scan: Any, scenes: Dataset, shape: tuple[int, ...], value: float, error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        scan.scores(bad_regions(scenes.split("test"), shape, value))


def test_texts_without_a_known_word(scan: Any, scenes: Dataset) -> None:
    test = bad_regions(scenes.split("test"), (40, 8, 20))
    foreign = replace(test, texts=("ein rotes Auto",) * len(test.texts))
    with pytest.raises(ValuesError, match=r"no text has a word of the \d+ that the model knows"):
        scan.scores(foreign)


def test_training_texts_without_a_frequent_word(scenes: Dataset) -> None:
    train = scenes.split("train")
    rare = replace(train, texts=tuple(f"w{row}" for row in range(len(train.texts))))
    with pytest.raises(ValuesError, match="no word is there 4 times or more"):
        made("vsepp").fit(rare)


def test_a_dataset_without_words(test_data: Path) -> None:
    wiki = load_dataset("wiki", test_data / "wiki")
    with pytest.raises(InputError, match="this dataset has no words"):
        made("vsepp", vectors=True, features="sift").fit(wiki.split("train"))


def test_vectors_where_regions_are_read(scenes: Dataset) -> None:
    with pytest.raises(ShapeError, match=r"features 'global' have the shape \(780,\)") as raised:
        made("scan", features="global").fit(scenes.split("train"))
    assert "a vector a region" in str(raised.value)


def test_words_may_begin_with_vectors_of_an_encoder(scenes: Dataset) -> None:
    train = scenes.split("train")
    model = made("vsepp", word_vectors="minilm", learning_rate=1e-9, training={"epochs": 1, "batch_size": 50}).fit(
        train
    )
    vocabulary, vectors = model._fitted_inputs[1].vocabulary, model._fitted_networks.text.embed.weight.detach()

    def cosine(one: str, two: str) -> float:
        rows = vectors[[vocabulary.rows[one], vocabulary.rows[two]]]
        return float(torch.nn.functional.cosine_similarity(rows[0], rows[1], dim=0))

    assert cosine("red", "blue") > cosine("red", "left") + 0.2
    assert cosine("car", "bus") > cosine("car", "cat") + 0.2
    # As far apart as random ones, which lie in (-0.1, 0.1).
    assert float(vectors.std()) == pytest.approx(0.2 / np.sqrt(12), rel=0.1)
    with pytest.raises(OptionError, match="words cannot begin with the text features 'bag-of-words'"):
        made("vsepp", word_vectors="bag-of-words").fit(train)


def test_more_numbers_than_axes_stay_random() -> None:
    from ficoitr.models.fine.word_vectors import begin_with

    vocabulary = Vocabulary.build(["a red car", "a blue bus"], threshold=1)
    embedding = torch.nn.Embedding(len(vocabulary), 16)
    before = embedding.weight.detach().clone()
    begin_with(embedding, vocabulary, "minilm")
    after = embedding.weight.detach()
    changed = (before != after).sum(dim=1)
    # Five words less their mean have four axes.
    assert changed[4:].tolist() == [4] * 5
    assert changed[:4].tolist() == [0] * 4
    # A single word is told from nothing.
    lonely = torch.nn.Embedding(5, 16)
    before = lonely.weight.detach().clone()
    begin_with(lonely, Vocabulary.build(["red"], threshold=1), "minilm")
    assert torch.equal(lonely.weight, before)


def test_options_that_there_are_not() -> None:
    with pytest.raises(OptionError, match="has no setting 'text_features'"):
        made("scan", text_features="minilm")
    with pytest.raises(OptionError, match="config, raw_feature_norm: the norm 'clipped_l1norm' has no definition"):
        made("scan", raw_feature_norm="clipped_l1norm")
