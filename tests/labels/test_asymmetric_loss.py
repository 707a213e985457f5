import numpy as np
import pytest
import torch
from torch.nn import functional as F

from ficoitr.errors import OptionError
from ficoitr.models.labels.asymmetric import AsymmetricLoss


@pytest.fixture
def problem():
    random = torch.Generator().manual_seed(0)
    logits = 4 * torch.randn(9, 13, generator=random, dtype=torch.float64)
    return logits, (torch.rand(9, 13, generator=random) < 0.3).double()


@pytest.mark.parametrize("positive", [0.0, 0.5, 1.0])
@pytest.mark.parametrize("negative", [0.0, 2.0, 4.0])
@pytest.mark.parametrize("margin", [0.0, 0.05, 0.3])
def test_it_is_the_formula_of_the_paper(problem, positive, negative, margin):
    logits, labels = problem
    p, y = 1 / (1 + np.exp(-logits.numpy())), labels.numpy()
    shifted = np.maximum(p - margin, 0)
    costs = -y * (1 - p) ** positive * np.log(p) - (1 - y) * shifted**negative * np.log(1 - shifted)
    found = AsymmetricLoss(positive, negative, margin)(logits, labels)
    assert found.item() == pytest.approx(costs.mean(), rel=1e-6)


def test_without_focus_and_margin_it_is_binary_cross_entropy(problem):
    logits, labels = problem
    found = AsymmetricLoss(0, 0, 0)(logits, labels)
    assert found.item() == pytest.approx(F.binary_cross_entropy_with_logits(logits, labels).item(), rel=1e-12)


def test_easy_absent_labels_count_for_nothing_within_the_margin():
    logits = torch.tensor([[-4.0]], requires_grad=True)
    loss = AsymmetricLoss(0, 1, 0.05)(logits, torch.zeros(1, 1))
    loss.backward()
    assert loss.item() == pytest.approx(0, abs=1e-12)
    assert logits.grad.item() == 0


@pytest.mark.parametrize("loss", [AsymmetricLoss(0.5, 0.5, 0), AsymmetricLoss(0.5, 0.5, 0.05), AsymmetricLoss(0, 2, 0)])
def test_gradients_are_finite_for_extreme_logits(loss):
    logits = torch.tensor([[-200.0, 200.0, -200.0, 200.0, 0.0]], requires_grad=True)
    loss(logits, torch.tensor([[1.0, 1.0, 0.0, 0.0, 1.0]])).backward()
    assert torch.isfinite(logits.grad).all()
    assert logits.grad[0, 0] <= 0 <= logits.grad[0, 3]


@pytest.mark.parametrize("options", [{"positive_focus": -1}, {"negative_focus": float("nan")}, {"margin": 1}])
def test_numbers_out_of_range_are_refused(options):
    with pytest.raises(OptionError, match=next(iter(options))):
        AsymmetricLoss(**options)
