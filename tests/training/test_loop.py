"""The loop: what is learnt, what an interruption leaves, and what stops it."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import torch

from ficoitr.errors import CategoryError, FileFormatError, OptionError, ShapeError, TrainingError, ValuesError
from ficoitr.models.training import FeaturePairs, TrainingConfig, train
from training.toy import CONFIG, ToyRecipe, run, toy_pairs


def weights(recipe: ToyRecipe) -> list[float]:
    return torch.cat([tensor.ravel() for tensor in recipe.weights().values()]).tolist()


def without_seconds(history: list[dict[str, float]]) -> list[dict[str, float]]:
    return [{name: value for name, value in entry.items() if name != "seconds"} for entry in history]


def written_at(folder: Path) -> int:
    path = folder / "checkpoint.pt"
    return path.stat().st_mtime_ns if path.exists() else 0


def test_it_learns_and_keeps_the_best_weights() -> None:
    recipe, trained = run(None)
    assert trained.history[-1]["loss"] < trained.history[0]["loss"]
    assert trained.best == max(entry["validation"] for entry in trained.history)
    assert trained.history[trained.best_epoch - 1]["validation"] == trained.best
    assert recipe.score(toy_pairs()) == pytest.approx(trained.best, abs=1e-7)


def test_a_folder_changes_nothing(tmp_path: Path) -> None:
    (plain, one), (kept, other) = run(None), run(tmp_path / "run")
    assert weights(plain) == weights(kept)
    assert without_seconds(one.history) == without_seconds(other.history)
    lines = [json.loads(line) for line in (tmp_path / "run" / "log.jsonl").read_text().splitlines()]
    assert lines == other.history
    assert list((tmp_path / "run" / "tensorboard").iterdir())


def test_a_killed_training_comes_to_the_same_weights(tmp_path: Path) -> None:
    expected, trained = run(None)
    folder = tmp_path / "run"
    killed_at = []
    for wait in (0.25, 0.5, 0.35):
        before = written_at(folder)
        child = subprocess.Popen(
            [sys.executable, "-m", "training.toy", str(folder), "0.05"], cwd=Path(__file__).parents[1]
        )
        # It has gone on when it has written a checkpoint of its own.
        while written_at(folder) == before and child.poll() is None:
            time.sleep(0.01)
        time.sleep(wait)
        assert child.poll() is None, "the child was to be killed while it trains"
        child.send_signal(signal.SIGKILL)
        child.wait()
        position = torch.load(folder / "checkpoint.pt", weights_only=True)["position"]
        killed_at.append((position["epoch"], position["batch"]))
    assert len(set(killed_at)) > 1, killed_at
    recipe, resumed = run(folder)
    assert weights(recipe) == weights(expected)
    assert without_seconds(resumed.history) == without_seconds(trained.history)
    lines = [json.loads(line) for line in (folder / "log.jsonl").read_text().splitlines()]
    assert lines == resumed.history
    # A finished training is found, not begun again.
    again, found = run(folder)
    assert weights(again) == weights(expected)
    assert found == resumed


def test_patience_stops_early() -> None:
    recipe, pairs = ToyRecipe(), toy_pairs()
    scores = iter([1.0, 3.0, 2.0, 3.0, 9.0])
    seen = []

    def validate() -> float:
        seen.append(weights(recipe))
        return next(scores)

    trained = train(recipe, pairs, TrainingConfig(epochs=5, batch_size=8, patience=2), validate=validate)
    assert [entry["validation"] for entry in trained.history] == [1.0, 3.0, 2.0, 3.0]
    assert (trained.best, trained.best_epoch) == (3.0, 2)
    assert weights(recipe) == seen[1]


def test_validation_every_few_epochs_and_after_the_last() -> None:
    recipe = ToyRecipe()
    trained = train(recipe, toy_pairs(), TrainingConfig(epochs=5, batch_size=8, validate_every=2), validate=lambda: 1.0)
    assert [entry.get("validation") for entry in trained.history] == [None, 1.0, None, 1.0, 1.0]


def test_a_seed_decides_and_the_caller_s_random_numbers_stay() -> None:
    results = []
    for seed in (0, 0, 1):
        recipe = ToyRecipe()
        torch.manual_seed(11)
        train(recipe, toy_pairs(), TrainingConfig(epochs=1, batch_size=8), seed=seed)
        results.append((weights(recipe), torch.rand(1).item()))
    assert results[0] == results[1]
    assert results[0][0] != results[2][0]
    assert results[0][1] == results[2][1]


def test_another_training_s_folder_is_refused(tmp_path: Path) -> None:
    run(tmp_path, identity={"model": "toy"})
    with pytest.raises(OptionError, match="had another model"):
        run(tmp_path, identity={"model": "other"})
    with pytest.raises(OptionError, match="had another training"):
        run(tmp_path, identity={"model": "toy"}, config=CONFIG.model_copy(update={"epochs": 7}))
    (tmp_path / "checkpoint.pt").write_bytes(b"damaged")
    with pytest.raises(FileFormatError, match=r"checkpoint.pt: this is no checkpoint"):
        run(tmp_path)


def test_a_loss_that_is_no_number_stops_and_keeps_the_checkpoint(tmp_path: Path) -> None:
    class Exploding(ToyRecipe):
        steps = 0

        def step(self, batch):
            self.steps += 1
            losses = super().step(batch)
            return losses if self.steps < 12 else {**losses, "loss": losses["loss"] / 0}

    recipe = Exploding()
    with pytest.raises(TrainingError, match=r"epoch 2, batch 4: loss is inf.*checkpoint that was written is kept"):
        train(recipe, toy_pairs(), CONFIG, folder=tmp_path)
    position = torch.load(tmp_path / "checkpoint.pt", weights_only=True)["position"]
    assert (position["epoch"], position["batch"]) == (1, 3)


def test_weights_that_are_no_number_are_never_saved(tmp_path: Path) -> None:
    class Broken(ToyRecipe):
        def end_epoch(self, epoch):
            if epoch == 1:
                self.bank[0, 0] = float("nan")

    with pytest.raises(TrainingError, match="bank holds a value that is no number"):
        train(Broken(), toy_pairs(), CONFIG, folder=tmp_path)
    assert torch.load(tmp_path / "checkpoint.pt", weights_only=True)["position"]["epoch"] == 1


def test_features_that_are_no_numbers_are_named() -> None:
    images = np.zeros((6, 3), dtype=np.float32)
    images[4, 1] = np.nan
    pairs = FeaturePairs(images, np.zeros((6, 2), dtype=np.float32), np.arange(6))
    with pytest.raises(ValuesError, match="the features of image 4 hold"):
        pairs.batch(np.array([1, 4]), torch.device("cpu"))
    # Where it stops a training, the message says when.
    images, texts = np.zeros((60, 6), dtype=np.float32), np.zeros((60, 4), dtype=np.float32)
    images[7, 1] = np.inf
    config = TrainingConfig(epochs=1, batch_size=60)
    with pytest.raises(ValuesError, match=r"image features, epoch 1, batch 1: the features of image 7 hold"):
        train(ToyRecipe(), FeaturePairs(images, texts, np.arange(60)), config)


@pytest.mark.parametrize(
    ("n_pairs", "config", "says"),
    [
        (1, {"batch_size": 8}, "there are 1 pairs.*at least 2"),
        (7, {"batch_size": 8, "drop_last": True}, "there are 7 pairs.*at least 8"),
    ],
)
def test_too_few_pairs(n_pairs: int, config: dict[str, object], says: str) -> None:
    pairs = FeaturePairs(np.zeros((n_pairs, 6), np.float32), np.zeros((n_pairs, 4), np.float32), np.arange(n_pairs))
    with pytest.raises(ShapeError, match=says):
        train(ToyRecipe(), pairs, TrainingConfig(**config))


def test_pairs_that_do_not_fit() -> None:
    images, texts = np.zeros((3, 6), np.float32), np.zeros((4, 4), np.float32)
    with pytest.raises(ShapeError, match="there are 4 texts"):
        FeaturePairs(images, texts, np.arange(3))
    with pytest.raises(CategoryError, match="there are 2 rows of labels"):
        FeaturePairs(images, texts, np.array([0, 1, 2, 2]), np.ones((2, 5), dtype=bool))


def test_a_last_batch_of_one_is_left_out() -> None:
    pairs = FeaturePairs(np.ones((9, 6), np.float32), np.ones((9, 4), np.float32), np.arange(9))
    sizes = []

    class Counting(ToyRecipe):
        def step(self, batch):
            sizes.append(len(batch))
            return super().step(batch)

    train(Counting(), pairs, TrainingConfig(epochs=1, batch_size=4))
    assert sizes == [4, 4]


def test_a_device_that_is_not_there() -> None:
    with pytest.raises(OptionError, match="there is no device 'abacus'"):
        train(ToyRecipe(), toy_pairs(), TrainingConfig(device="abacus"))


def test_sixteen_bits_learn_too() -> None:
    recipe, pairs = ToyRecipe(), toy_pairs()
    config = TrainingConfig(epochs=6, batch_size=8, precision="bfloat16")
    trained = train(recipe, pairs, config, seed=3, validate=lambda: recipe.score(pairs))
    assert trained.history[-1]["loss"] < trained.history[0]["loss"]
    assert next(iter(recipe.weights().values())).dtype == torch.float32
