"""Scoring of encoded items block by block: the same numbers however they are cut, kept and continued."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from ficoitr.data import StoredFeatures
from ficoitr.errors import FileFormatError, IdentifierError, OptionError, ShapeError, ValuesError
from ficoitr.models.fine.scan_networks import SCANNetwork
from ficoitr.models.fine.scoring import PairScorer
from ficoitr.models.fine.words import Words

N_IMAGES, N_TEXTS = 13, 31


class Items:
    """Encoded images and texts, words padded and end to end."""

    def __init__(self) -> None:
        generator = np.random.default_rng(0)
        self.images = generator.standard_normal((N_IMAGES, 4, 8)).astype(np.float32)
        self.lengths = generator.integers(1, 9, N_TEXTS)
        self.padded = generator.standard_normal((N_TEXTS, 10, 8)).astype(np.float32)
        places = np.arange(10) < self.lengths[:, None]
        self.end_to_end = self.padded[places]
        self.padded[~places] = np.nan
        self.words = Words(torch.from_numpy(self.padded), torch.from_numpy(self.lengths))

    def expected(self, network: SCANNetwork) -> np.ndarray[Any, Any]:
        return network.score(torch.from_numpy(self.images), self.words).numpy()


class Counting(nn.Module):
    """Scores as another network, counts the blocks, and may stop at one of them, as a kill does."""

    def __init__(self, network: SCANNetwork, *, stop_at: int = -1, with_lists: bool = True) -> None:
        super().__init__()
        self.network = network
        self.blocks = 0
        self.stop_at = stop_at
        if with_lists:
            self.score_lists = lambda *items: self._counted(network.score_lists, items)

    def score(self, images: Tensor, texts: Words) -> Tensor:
        return self._counted(self.network.score, (images, texts))

    def _counted(self, score: Any, items: Any) -> Tensor:
        if self.blocks == self.stop_at:
            raise KeyboardInterrupt
        self.blocks += 1
        assert not self.training
        assert torch.is_inference_mode_enabled()
        return score(*items)


@pytest.fixture
def items() -> Items:
    return Items()


@pytest.fixture(params=["t2i", "i2t"])
def network(request: pytest.FixtureRequest) -> SCANNetwork:
    return SCANNetwork(5, 9, width=8, word_width=3, direction=request.param)


def close(found: Any, expected: Any, atol: float = 1e-6) -> None:
    np.testing.assert_allclose(found, expected, rtol=0, atol=atol)


def test_all_forms_and_blocks_give_the_same(items: Items, network: SCANNetwork, tmp_path: Path) -> None:
    expected = items.expected(network)
    np.save(tmp_path / "images.npy", items.images)
    np.save(tmp_path / "words.npy", items.end_to_end)
    mapped = [np.load(tmp_path / f"{name}.npy", mmap_mode="r") for name in ("images", "words")]
    for images, texts, lengths in (
        (items.images, items.words, None),
        (torch.from_numpy(items.images), items.padded, items.lengths),
        (StoredFeatures.of(items.images), StoredFeatures.of(items.padded), items.lengths.tolist()),
        (*mapped, items.lengths),
    ):
        # With blocks of six images, the last holds a single one.
        for options in ({}, {"most_images": 6, "most_texts": 7}, {"most_bytes": 1}):
            scores = PairScorer(network, images, texts, lengths, **options).matrix()
            assert scores.dtype == np.float32
            close(scores, expected)


@pytest.mark.parametrize("with_lists", [True, False])
@pytest.mark.parametrize("k", [1, 3, 12])
def test_lists_are_those_of_the_matrix(items: Items, network: SCANNetwork, with_lists: bool, k: int) -> None:
    generator = np.random.default_rng(1)
    expected = items.expected(network)
    for most_bytes in (1 << 27, 2000, 1):
        scorer = PairScorer(Counting(network, with_lists=with_lists), items.images, items.words, most_bytes=most_bytes)
        texts = np.stack([generator.permutation(N_TEXTS)[:k] for _ in range(N_IMAGES)])
        close(scorer.lists(texts, "i2t"), np.take_along_axis(expected, texts, axis=1))
        images = np.stack([generator.permutation(N_IMAGES)[:k] for _ in range(N_TEXTS)])
        close(scorer.lists(images, "t2i"), np.take_along_axis(expected.T, images, axis=1))


def test_float64_on_request(items: Items, network: SCANNetwork) -> None:
    scorer = PairScorer(network, items.images, items.words, dtype="float64", most_texts=5)
    scores = scorer.matrix()
    assert scores.dtype == np.float64
    states = Words(items.words.states.double(), items.words.lengths)
    close(scores, network.score(torch.from_numpy(items.images).double(), states).numpy(), atol=1e-14)
    assert next(network.parameters()).dtype == torch.float32
    assert abs(scores - PairScorer(network, items.images, items.words).matrix()).max() > 1e-12


def test_vectors_are_scored_too() -> None:
    class Product(nn.Module):
        def score(self, images: Tensor, texts: Tensor) -> Tensor:
            return images @ texts.T

    images, texts = np.eye(3, 4), np.arange(20.0).reshape(5, 4)
    scorer = PairScorer(Product(), images, texts, most_images=2, most_texts=3)
    close(scorer.matrix(), images @ texts.T)
    close(scorer.lists([[4, 0], [1, 2], [3, 3]], "i2t"), [[16, 0], [5, 9], [14, 14]])


def test_progress_counts_pairs(items: Items, network: SCANNetwork) -> None:
    told: list[tuple[str, int, int]] = []
    scorer = PairScorer(network, items.images, items.words, most_images=6, most_texts=20)
    scorer.matrix(progress=lambda *what: told.append(what))
    total = N_IMAGES * N_TEXTS
    assert told == [("scoring", done, total) for done in (120, 186, 6 * 31 + 120, 12 * 31, 12 * 31 + 20, total)]
    scorer.lists(np.zeros((N_IMAGES, 2), dtype=int), "i2t", progress=lambda *what: told.append(what))
    assert told[-1] == ("scoring", 2 * N_IMAGES, 2 * N_IMAGES)


@pytest.mark.parametrize("kind", ["matrix", "i2t", "t2i"])
def test_a_killed_scoring_goes_on(
    items: Items, network: SCANNetwork, kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ficoitr.models.fine.score_files._SECONDS_BETWEEN_CHECKPOINTS", 0.0)
    queries, candidates = (N_IMAGES, N_TEXTS) if kind == "i2t" else (N_TEXTS, N_IMAGES)
    generator = np.random.default_rng(2)
    listed = np.stack([generator.permutation(candidates)[:9] for _ in range(queries)])

    def scored(counting: Counting, folder: Path | None) -> np.ndarray[Any, Any]:
        scorer = PairScorer(counting, items.images, items.words, most_images=5, most_texts=11, most_bytes=4000)
        return scorer.matrix(folder=folder) if kind == "matrix" else scorer.lists(listed, kind, folder=folder)

    whole = Counting(network)
    expected = scored(whole, None)
    assert whole.blocks > 4
    first = Counting(network, stop_at=3)
    with pytest.raises(KeyboardInterrupt):
        scored(first, tmp_path)
    (record,) = tmp_path.glob("scores-*.json")
    assert json.loads(record.read_text())["blocks"] == 3
    assert not list(tmp_path.glob("scores-*.npy"))
    second = Counting(network)
    scores = scored(second, tmp_path)
    assert second.blocks == whole.blocks - 3
    assert np.array_equal(scores, expected)
    assert not scores.flags.writeable
    third = Counting(network)
    assert np.array_equal(scored(third, tmp_path), expected)
    assert third.blocks == 0


def test_what_was_begun_in_other_blocks_is_begun_again(
    items: Items, network: SCANNetwork, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ficoitr.models.fine.score_files._SECONDS_BETWEEN_CHECKPOINTS", 0.0)
    with pytest.raises(KeyboardInterrupt):
        PairScorer(Counting(network, stop_at=2), items.images, items.words, most_images=4).matrix(folder=tmp_path)
    again = Counting(network)
    scores = PairScorer(again, items.images, items.words, most_images=3).matrix(folder=tmp_path)
    assert again.blocks == 5
    close(scores, items.expected(network))


def test_scores_of_other_items_or_weights_are_not_taken(items: Items, network: SCANNetwork, tmp_path: Path) -> None:
    PairScorer(network, items.images, items.words).matrix(folder=tmp_path)
    other = items.images.copy()
    other[0, 0, 0] += 1
    close(PairScorer(network, other, items.words).matrix(folder=tmp_path)[1:], items.expected(network)[1:])
    changed = SCANNetwork(5, 9, width=8, word_width=3, direction=network.similarity.direction, lambda_softmax=2.0)
    changed.load_state_dict(network.state_dict())
    close(PairScorer(changed, items.images, items.words).matrix(folder=tmp_path), items.expected(changed))
    PairScorer(network, items.images, items.words).lists(np.zeros((N_IMAGES, 1), dtype=int), "i2t", folder=tmp_path)
    assert len(list(tmp_path.glob("scores-*.npy"))) == 4
    PairScorer(network, items.images, items.words, dtype="float64").matrix(folder=tmp_path)
    assert len(list(tmp_path.glob("scores-*.npy"))) == 5
    (path, *_) = sorted(tmp_path.glob("scores-*.npy"))
    for one in tmp_path.glob("scores-*.npy"):
        one.write_bytes(path.read_bytes()[:40])
    with pytest.raises(FileFormatError, match="truncated"):
        PairScorer(network, items.images, items.words).matrix(folder=tmp_path)


def test_the_network_is_left_as_it_was(items: Items, network: SCANNetwork) -> None:
    network.train()
    PairScorer(network, items.images, items.words).matrix()
    assert network.training
    assert not torch.is_inference_mode_enabled()


def test_bad_inputs(items: Items, network: SCANNetwork) -> None:
    scorer = PairScorer(network, items.images, items.words)
    with pytest.raises(IdentifierError, match=r"query 2 lists a candidate that does not exist.*rows 0 to 30"):
        scorer.lists(np.where(np.arange(N_IMAGES)[:, None] == 2, -1, np.zeros((1, 4), dtype=int)), "i2t")
    with pytest.raises(ShapeError, match=r"float64 of shape \(13, 2\).*whole numbers of shape \(13, k\)"):
        scorer.lists(np.zeros((N_IMAGES, 2)), "i2t")
    with pytest.raises(ShapeError, match=r"\(31, k\)"):
        scorer.lists(np.zeros((N_IMAGES, 2), dtype=int), "t2i")
    with pytest.raises(OptionError, match="no direction 'both'"):
        scorer.lists(np.zeros((N_IMAGES, 2), dtype=int), "both")
    with pytest.raises(OptionError, match="float32 or float64"):
        PairScorer(network, items.images, items.words, dtype="float16")
    with pytest.raises(OptionError, match="most_texts is 0"):
        PairScorer(network, items.images, items.words, most_texts=0)
    with pytest.raises(ShapeError, match="0 images and 31 texts"):
        PairScorer(network, items.images[:0], items.words)
    with pytest.raises(ShapeError, match="without lengths"):
        PairScorer(network, items.images, items.padded)
    with pytest.raises(ShapeError, match="sum up to W"):
        PairScorer(network, items.images, items.end_to_end[1:], items.lengths)
    with pytest.raises(ShapeError, match="lengths from 0 to"):
        PairScorer(network, items.images, items.padded, items.lengths - items.lengths.min())
    wrong = items.images.copy()
    wrong[7, 1, 0] = np.inf
    with pytest.raises(ValuesError, match="the score of image 7 and text 0 is nan"):
        PairScorer(network, wrong, items.words, most_images=5).matrix()
