"""The losses of DCMH, DJSRH, JDSH and DGCPN against loops written from their equations, and their gradients."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from coarse.test_similarity_targets import cosine
from ficoitr.models.coarse.dcmh_losses import (
    balance_loss,
    extrapolated_sum,
    latest_sum,
    likelihood_loss,
    quantization_loss,
)
from ficoitr.models.coarse.gram_losses import agreement, coherence_losses, reconstruction_losses


def outputs(n: int = 5, bits: int = 4):
    generator = torch.Generator().manual_seed(0)
    images, texts = torch.randn(2, n, bits, generator=generator, dtype=torch.float64)
    target = torch.rand(n, n, generator=generator, dtype=torch.float64) * 2 - 1
    return images, texts, (target + target.T) / 2


def gram(one, other):
    return np.array([[cosine(a, b) for b in other.numpy()] for a in one.numpy()])


def mse(one, other) -> float:
    n = len(one)
    return sum((one[i, j] - other[i, j]) ** 2 for i in range(n) for j in range(n)) / n**2


@pytest.mark.parametrize("n", [2, 5])
def test_reconstruction_and_agreement(n: int) -> None:
    images, texts, target = outputs(n)
    found = reconstruction_losses(images, texts, target)
    expected = {"images": (images, images), "cross": (images, texts), "texts": (texts, texts)}
    for name, sides in expected.items():
        assert found[name].item() == pytest.approx(mse(gram(*sides), target.numpy())), name
    mean = np.mean([cosine(one, other) for one, other in zip(images.numpy(), texts.numpy(), strict=True)])
    assert agreement(images, texts).item() == pytest.approx(mean)


@pytest.mark.parametrize("n", [2, 5])
def test_coherence(n: int) -> None:
    images, texts, target = outputs(n)
    within, cross, texts_within = gram(images, images), gram(images, texts), gram(texts, texts)
    neighbours = sum(
        (one[i, j] - target[i, j].item()) ** 2
        for one in (within, cross, texts_within)
        for i in range(n)
        for j in range(n)
        if i != j
    )
    consistency = mse(cross, within) + mse(cross, texts_within) + mse(within, texts_within) + mse(cross, cross.T)
    found = coherence_losses(images, texts, target, pair_target=1.5)
    assert found["neighbours"].item() == pytest.approx(neighbours / n**2)
    assert found["pairs"].item() == pytest.approx(sum((cross[i, i] - 1.5) ** 2 for i in range(n)) / n)
    assert found["consistency"].item() == pytest.approx(consistency)


def test_dcmh() -> None:
    values, others, _ = outputs(3, 4)
    others = torch.cat([others, values[:2] * 3])
    similar = (torch.arange(15).reshape(3, 5) % 3 == 0).double()
    likelihood = 0.0
    for i in range(3):
        for j in range(5):
            angle = sum(values[i, k].item() * others[j, k].item() for k in range(4)) / 2
            likelihood -= similar[i, j].item() * angle - np.log(1 + np.exp(angle))
    assert likelihood_loss(values, others, similar).item() == pytest.approx(likelihood)
    # Where exp overflows, it is still finite.
    assert torch.isfinite(likelihood_loss(1e4 * values, others, similar))
    codes = torch.where(values > 0.3, 1.0, -1.0)
    expected = sum((codes[i, k].item() - values[i, k].item()) ** 2 for i in range(3) for k in range(4))
    assert quantization_loss(values, codes).item() == pytest.approx(expected)


def test_dcmh_balance() -> None:
    values, before, _ = outputs(3, 4)
    rows = torch.tensor([4, 0, 2])
    buffer = torch.randn(6, 4, dtype=torch.float64)
    buffer[rows] = before
    now = buffer.clone()
    now[rows] = values
    latest = balance_loss(values, latest_sum(buffer, rows))
    assert latest.item() == pytest.approx(sum(now[:, k].sum().item() ** 2 for k in range(4)))
    estimated = buffer.sum(dim=0) + 2 * (values - before).sum(dim=0)
    found = balance_loss(values, extrapolated_sum(values, before, buffer.sum(dim=0), 6))
    assert found.item() == pytest.approx(estimated.square().sum().item())
    # A batch of all pairs leaves nothing to estimate.
    whole = balance_loss(now, extrapolated_sum(now, buffer, buffer.sum(dim=0), 6))
    assert whole.item() == pytest.approx(latest.item())


@pytest.mark.parametrize(
    "loss",
    [
        lambda images, texts, target: sum(reconstruction_losses(images, texts, target).values()),
        lambda images, texts, _: agreement(images, texts),
        lambda images, texts, target: sum(coherence_losses(images, texts, target, pair_target=1.5).values()),
        lambda images, texts, target: likelihood_loss(images, texts, (target > 0).double()),
        lambda images, texts, _: quantization_loss(images, texts.sign().detach()) + quantization_loss(texts, images),
        lambda images, texts, target: (
            balance_loss(images, latest_sum(target[:, :4], torch.tensor([1, 0, 3, 2, 4]))) + texts.sum()
        ),
    ],
)
def test_gradients_are_those_of_the_values(loss) -> None:
    images, texts, target = outputs()
    assert torch.autograd.gradcheck(
        lambda one, other: loss(one, other, target), (images.requires_grad_(), texts.requires_grad_())
    )


def test_an_extrapolated_sum_has_the_gradient_of_the_sum_it_estimates() -> None:
    values, before, _ = outputs(3, 4)
    values.requires_grad_()
    total = torch.ones(4, dtype=torch.float64)
    torch.autograd.backward(balance_loss(values, extrapolated_sum(values, before, total, 9)))
    expected = 2 * (total + 3 * (values - before).sum(dim=0))
    torch.testing.assert_close(values.grad, expected.detach().expand(3, 4))
