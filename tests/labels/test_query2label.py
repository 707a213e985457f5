import numpy as np
import pytest
import torch

from ficoitr.errors import OptionError
from ficoitr.models.labels.query2label import GroupWiseLinear, Query2Label, Query2LabelConfig, sine_positions

SMALL = Query2LabelConfig(width=16, heads=2, layers=2, hidden=24)


def network(config=SMALL, grid=None, n_labels=5):
    torch.manual_seed(0)
    made = Query2Label(7, n_labels, config, grid=grid).eval()
    # As drawn, the queries are small, and so would be what depends on them.
    with torch.no_grad():
        made.labels.mul_(50)
    return made


@pytest.fixture
def regions():
    return torch.randn(3, 12, 7, generator=torch.Generator().manual_seed(1))


def test_the_order_of_regions_counts_only_where_they_have_a_grid(regions):
    order = torch.randperm(12, generator=torch.Generator().manual_seed(2))
    with torch.no_grad():
        free, placed = network(), network(grid=(3, 4))
        torch.testing.assert_close(free(regions[:, order]), free(regions), rtol=1e-4, atol=1e-5)
        assert (placed(regions[:, order]) - placed(regions)).abs().max() > 1e-3


def test_labels_are_alike_but_for_what_they_have_learnt(regions):
    order = torch.tensor([3, 0, 4, 1, 2])
    made = network()
    with torch.no_grad():
        before = made(regions)
        for parameter in (made.labels, made.head.weight, made.head.bias):
            parameter.copy_(parameter[order].clone())
        torch.testing.assert_close(made(regions), before[:, order], rtol=1e-4, atol=1e-5)


def test_images_do_not_see_each_other(regions):
    made = network()
    with torch.no_grad():
        torch.testing.assert_close(made(regions)[1:2], made(regions[1:2]), rtol=1e-4, atol=1e-5)


def test_any_number_of_regions_will_do():
    for count in (1, 8, 49):
        assert network()(torch.zeros(2, count, 7)).shape == (2, 5)


def test_each_label_has_a_classifier_of_its_own():
    head = GroupWiseLinear(4, 6)
    queries = torch.randn(2, 4, 6)
    with torch.no_grad():
        expected = [[float(head.weight[k] @ queries[n, k] + head.bias[k]) for k in range(4)] for n in range(2)]
        torch.testing.assert_close(head(queries), torch.tensor(expected))


def test_a_small_change_of_the_image_is_seen_from_the_start():
    """Queries of deviation 1 would outweigh what they see: logits of two images would hardly differ."""
    torch.manual_seed(0)
    made = Query2Label(64, 10, Query2LabelConfig()).eval()
    with torch.no_grad():
        images = torch.randn(40, 49, 64) + torch.randn(40, 1, 64)
        spread = made(images).std(dim=0).mean()
        made.labels.mul_(50)
        assert spread > 3 * made(images).std(dim=0).mean()


def test_features_are_standardised_and_constant_ones_left_finite():
    made = network()
    regions = torch.randn(50, 4, 7) * torch.tensor([1, 10, 0, 1, 1, 1e-3, 1]) + 5
    made.standardize.fit(regions)
    scaled = made.standardize(regions)
    torch.testing.assert_close(scaled.mean(dim=(0, 1)), torch.zeros(7), atol=1e-3, rtol=0)
    deviations = scaled.std(dim=(0, 1), correction=0)
    torch.testing.assert_close(deviations, torch.tensor([1.0, 1, 0, 1, 1, 1, 1]), atol=1e-2, rtol=0)


def test_an_image_is_never_hidden_altogether(regions):
    made = network(Query2LabelConfig(width=16, heads=2, hidden=24, region_dropout=0.99)).train()
    assert torch.isfinite(made(regions[:, :2].expand(-1, -1, -1))).all()
    assert torch.isfinite(made(regions[:, :1])).all()


def test_positions_are_sines_of_rows_and_columns():
    positions = sine_positions(2, 3, 8).reshape(2, 3, 8)
    assert (positions[0, :, :4] == positions[0, :1, :4]).all()
    assert (positions[:, 2, 4:] == positions[:1, 2, 4:]).all()
    angle = 2 * np.pi * 2 / 3
    expected = [np.sin(angle), np.sin(angle / 100), np.cos(angle), np.cos(angle / 100)]
    np.testing.assert_allclose(positions[0, 1, 4:].numpy(), expected, atol=1e-6)
    assert len({tuple(place.tolist()) for place in positions.reshape(6, 8)}) == 6


@pytest.mark.parametrize(
    "options", [{"width": 30}, {"width": 20, "heads": 3}, {"layers": 0}, {"dropout": 1.0}, {"region_dropout": -0.1}]
)
def test_sizes_that_cannot_be_are_refused(options):
    with pytest.raises(OptionError, match=next(iter(options))):
        Query2LabelConfig(**options)
