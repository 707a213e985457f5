"""ADV against its equations, and its training."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

import ficoitr
from ficoitr import HashCodes
from ficoitr.errors import CategoryError, OptionError, ShapeError, ValuesError
from ficoitr.models.coarse.adv import ADVRecipe
from ficoitr.models.coarse.adv_config import ADVConfig
from ficoitr.models.coarse.adv_losses import (
    adversarial_image_loss,
    angular_loss,
    concept_loss,
    rephrased_loss,
    triplet_loss,
)
from ficoitr.models.coarse.adv_networks import ADVNetwork, PixelEncoder, TextEncoder, median_codes
from ficoitr.models.coarse.adv_tokens import (
    ADVPairs,
    ADVTexts,
    LinkedTokens,
    StoredTokens,
)
from ficoitr.models.coarse.adversarial_captions import other_texts
from ficoitr.models.features.tokens import TokenFeatures
from ficoitr.models.training import Batch, TrainingConfig, train
from ficoitr.models.training.batches import pairs_of_other_images
from ficoitr.models.training.config import preset_names, read_config

CPU = torch.device("cpu")
CONFIG = ADVConfig(
    bits=32,
    hidden=32,
    heads=4,
    inner=64,
    channels=24,
    concept_hidden=32,
    rephrased=True,
    adversarial=True,
    learning_rate=3e-3,
    decay_every=3,
    training=TrainingConfig(epochs=4, batch_size=50, save_seconds=0),
)


def topical_pairs(n_images: int = 150, n_topics: int = 6) -> tuple[ADVPairs, np.ndarray[Any, Any]]:
    """Two texts an image, all noisy views of a few topics; the text of another topic is adversarial."""
    generator = np.random.default_rng(0)
    topics = generator.integers(n_topics, size=n_images)
    owners = np.repeat(np.arange(n_images), 2)
    words, parts = generator.normal(size=(n_topics, 3, 16)), generator.normal(size=(n_topics, 4, 12))
    images = parts[topics] + generator.normal(size=(n_images, 4, 12))
    states = generator.normal(size=(2 * n_images, 6, 16))
    states[:, 1:4] += 2 * words[topics[owners]]
    lengths = generator.integers(4, 7, size=2 * n_images)
    texts = StoredTokens(states.astype(np.float16), lengths)
    wrong = np.array([[generator.choice(np.flatnonzero(topics[owners] != topics[one])), -1] for one in owners])
    pairs = ADVPairs(
        images.astype(np.float32),
        texts,
        owners,
        np.eye(n_topics, dtype=bool)[topics],
        rephrased=LinkedTokens(texts, other_texts(owners, 1)),
        adversarial=LinkedTokens(texts, wrong),
    )
    return pairs, topics


def recipe_of(config: ADVConfig = CONFIG, recipe_class: type[ADVRecipe] = ADVRecipe) -> ADVRecipe:
    torch.manual_seed(0)
    return recipe_class(config.network(12, 16, n_concepts=6), config)


class Stopping(ADVRecipe):
    """Stops in the middle of its third epoch."""

    steps = 0

    def step(self, batch):
        self.steps += 1
        if self.steps == 16:
            raise KeyboardInterrupt
        return super().step(batch)


def test_an_interrupted_training_comes_to_the_same_weights(tmp_path: Path) -> None:
    pairs, _ = topical_pairs()
    expected, stopped, found = recipe_of(), recipe_of(recipe_class=Stopping), recipe_of()
    trained = train(expected, pairs, CONFIG.training)
    assert {"triplet", "angular", "norms", "concepts", "rephrased", "adversarial"} < trained.history[0].keys()
    with pytest.raises(KeyboardInterrupt):
        train(stopped, pairs, CONFIG.training, folder=tmp_path)
    train(found, pairs, CONFIG.training, folder=tmp_path)
    assert all(torch.equal(one, found.weights()[name]) for name, one in expected.weights().items())
    assert found.optimiser.param_groups[0]["lr"] == pytest.approx(3e-4)


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_it_learns_which_pairs_are_alike(precision: str) -> None:
    training = CONFIG.training.model_copy(update={"epochs": 12, "precision": precision})
    config = CONFIG.model_copy(update={"training": training, "decay_every": 20, "same_image_negatives": False})
    pairs, topics = topical_pairs()
    batch = pairs.batch(np.arange(len(pairs)), CPU)
    values = []
    for epochs in (0, 12):
        recipe = recipe_of(config)
        if epochs:
            train(recipe, pairs, config.training)
        network = recipe.network.eval()
        with torch.no_grad():
            images, texts = network.encode_images(batch.images[::2]), network.encode_texts(batch.texts.own)
        evaluation = ficoitr.evaluate(
            *(HashCodes.from_values((one >= 0).numpy()) for one in (images, texts)),
            captions_per_image=2,
            categories=topics,
            resamples=0,
        )
        values.append(evaluation["category.i2t.mAP@N"].value)
        assert ((texts >= 0).sum(dim=1) == 16).all()
    assert values[0] < 0.4
    assert values[1] > 0.6


def codes(*shape: int) -> Tensor:
    return torch.randn(*shape, dtype=torch.float64)


def cosine(one: Tensor, other: Tensor) -> float:
    return float(one @ other / (one.norm() * other.norm()))


def test_losses_are_their_equations_with_other_texts_of_an_image_left_out() -> None:
    torch.manual_seed(1)
    images, texts = codes(5, 8), codes(5, 8)
    owners = torch.tensor([0, 0, 1, 2, 3])
    # The text of the second pair is the best match of the first one's image, which it describes, too.
    images[1] = images[0]
    texts[1] = images[0] + texts[1] / 10
    allowed = pairs_of_other_images(owners)
    others = {i: [j for j in range(5) if owners[i] != owners[j]] for i in range(5)}
    assert {i: torch.nonzero(allowed[i]).flatten().tolist() for i in range(5)} == others
    score = [[cosine(i, t) for t in texts] for i in images]
    expected = sum(max(max(0.9 + score[i][j] - score[i][i], 0) for j in others[i]) for i in range(5))
    expected += sum(max(max(0.9 + score[i][j] - score[j][j], 0) for i in others[j]) for j in range(5))
    assert triplet_loss(images, texts, margin=0.9, negatives=allowed).item() == pytest.approx(expected)
    assert triplet_loss(images, texts, margin=0.9).item() > expected

    expected = 0.0
    for anchors, positives in ((images, texts), (texts, images)):
        a, p = (one / one.norm(dim=1, keepdim=True) for one in (anchors, positives))
        for i in range(5):
            x = [float(4 * (a[i] + p[i]) @ p[j] - 4 * a[i] @ p[i]) for j in others[i]]
            expected += float(np.log1p(np.exp(max(x))))
    assert angular_loss(images, texts, negatives=allowed).item() == pytest.approx(expected)


def test_texts_that_there_are_not_do_not_count() -> None:
    torch.manual_seed(1)
    images, texts, variants = codes(2, 8), codes(2, 8), codes(2, 3, 8)
    present = torch.tensor([[True, False, False], [True, True, False]])
    kept = [(0, 0), (1, 0), (1, 1)]
    expected = sum(1 - cosine(images[i], variants[i, k]) for i, k in kept)
    assert rephrased_loss(images, variants, present).item() == pytest.approx(expected)
    expected = sum(max(0, cosine(images[i], variants[i, k]) - cosine(images[i], texts[i]) + 0.5) for i, k in kept)
    found = adversarial_image_loss(images, texts, variants, margin=0.5, present=present)
    assert found.item() == pytest.approx(expected)
    variants[~present] = torch.nan
    assert rephrased_loss(images, variants, present).isfinite()


def test_concept_loss_is_binary_cross_entropy() -> None:
    logits, labels = torch.tensor([[2.0, -1.0], [0.5, 300.0]]), torch.tensor([[1.0, 0.0], [1.0, 1.0]])
    chances = logits.sigmoid()
    terms = -(labels * chances.log() + (1 - labels) * torch.where(labels == 1, 1.0, 1 - chances).log())
    assert concept_loss(logits, labels).item() == pytest.approx(terms.mean().item())


def test_a_code_of_zeros_has_no_gradient_that_is_no_number() -> None:
    images, texts = torch.zeros(3, 8, requires_grad=True), torch.randn(3, 8, requires_grad=True)
    total = triplet_loss(images, texts, margin=0.2) + angular_loss(images, texts)
    gradients = torch.autograd.grad(total, [images, texts])
    assert all(one.isfinite().all() for one in gradients)


def test_half_of_the_bits_are_set() -> None:
    torch.manual_seed(0)
    bits = median_codes(torch.rand(20, 64) * 0.2, 10.0) >= 0
    assert (bits.sum(dim=1) == 32).all()


def test_padding() -> None:
    torch.manual_seed(0)
    states = torch.randn(3, 9, 16)
    mask = torch.arange(9) < torch.tensor([[2], [5], [9]])
    changed = torch.where(mask[..., None], states, torch.randn(3, 9, 16))
    for ignore in (False, True):
        network = TextEncoder(16, 8, channels=4, ignore_padding=ignore).eval()
        one, other = (network(TokenFeatures(values, mask)) for values in (states, changed))
        assert torch.equal(one[2], other[2])
        assert torch.equal(one[1], other[1]) is ignore
    with pytest.raises(ShapeError, match="2 tokens"):
        network(TokenFeatures(states[:, :2], mask[:, :2]))
    with pytest.raises(ShapeError, match=r"sets of regions, \(n_images, n_regions, 12\)"):
        CONFIG.network(12, 16).encode_images(torch.zeros(3, 12))


def test_the_convolutions_are_convolutions() -> None:
    torch.manual_seed(0)
    network, states = TextEncoder(16, 8, channels=4).eval(), torch.randn(3, 9, 16)
    maxima = [layer(states[:, None]).relu().squeeze(3).amax(dim=2) for layer in network.convs1]
    expected = median_codes(network.mapping(torch.cat(maxima, dim=1)).softmax(dim=1), 10.0)
    torch.testing.assert_close(network(TokenFeatures(states, torch.ones(3, 9, dtype=torch.bool))), expected)


def test_what_the_data_must_have() -> None:
    pairs, _ = topical_pairs()
    batch = pairs.batch(np.arange(10), CPU)
    recipe = recipe_of()
    texts = ADVTexts(batch.texts.own, batch.texts.rephrased)
    with pytest.raises(ValuesError, match="no adversarial texts"):
        recipe.losses(Batch(batch.rows, batch.image_rows, batch.images, texts, batch.labels))
    with pytest.raises(CategoryError, match="no concepts"):
        recipe.losses(Batch(batch.rows, batch.image_rows, batch.images, batch.texts))
    plain = CONFIG.model_copy(update={"rephrased": False, "adversarial": False, "concepts": False})
    found = recipe_of(plain).losses(Batch(batch.rows, batch.image_rows, batch.images, ADVTexts(batch.texts.own)))
    assert set(found) == {"loss", "triplet", "norms", "angular"}


def test_a_step_on_pixels() -> None:
    torch.manual_seed(0)
    config = CONFIG.model_copy(
        update={
            "image_encoder": "pixels",
            "adversarial_anchor": "text",
            "rephrased_anchor": "text",
            "adversarial_margin": -0.8,
            "variants_from_epoch": 1,
        }
    )
    pairs, _ = topical_pairs()
    batch = pairs.batch(np.arange(4), CPU)
    network = ADVNetwork(PixelEncoder(32, divisor=16), TextEncoder(16, 32, channels=8), n_concepts=6)
    recipe = ADVRecipe(network, config)
    batch = Batch(batch.rows, batch.image_rows, torch.randn(4, 3, 64, 64), batch.texts, batch.labels)
    before = {name: one.clone() for name, one in recipe.weights().items()}
    recipe.start_epoch(0)
    assert "adversarial" not in recipe.step(batch)
    recipe.start_epoch(1)
    losses = recipe.step(batch)
    own, wrong = network.encode_texts(batch.texts.own), network.encode_texts(batch.texts.adversarial)
    assert own.shape == (4, 32)
    assert wrong.shape == (4, 2, 32)
    assert {"rephrased", "adversarial"} < set(losses)
    assert all(not torch.equal(one, before[name]) for name, one in recipe.weights().items())


def test_presets() -> None:
    assert preset_names("adv") == ("flickr30k", "flickr30k-2048", "flickr30k-screening", "small")
    configs = {name: read_config(ADVConfig, "adv", preset=name) for name in preset_names("adv")}
    published = {"rephrased": True, "adversarial": True}
    assert configs["flickr30k"] == ADVConfig(**published)
    assert configs["flickr30k-2048"] == ADVConfig(bits=2048, **published)
    assert configs["flickr30k-screening"].training == TrainingConfig(epochs=30, batch_size=48)
    assert configs["small"].hidden < 256
    assert not configs["small"].hardest_negatives
    weights = [ADVConfig().angular_weight_at(epoch) for epoch in (0, 4, 5, 20, 21)]
    assert weights == pytest.approx([0.5, 0.5, 0.05, 0.00005, 0])
    with pytest.raises(OptionError, match="Did you mean 'margin'"):
        read_config(ADVConfig, "adv", settings=["margn=1"])
