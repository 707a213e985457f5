"""Query2Label: a transformer decoder in which every label looks for itself among the regions of an image."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import nn

from ficoitr.errors import OptionError

_FREQUENCY_BASE = 10_000.0
_FLAT = 1e-5
# Standard normal queries would outweigh what the attention adds to them, and the image would go unseen.
_QUERY_DEVIATION = 0.02


@dataclass(frozen=True)
class Query2LabelConfig:
    """Size of the network, and what is hidden from it while it trains.

    Parameters
    ----------
    width : int
        d, of queries and regions within the decoder; a multiple of ``heads`` and of 4.
    heads : int
        Of each attention.
    layers : int
        Of the decoder.
    hidden : int
        Of the feed-forward networks.
    dropout : float
        Share of the values within the decoder that are set to zero.
    region_dropout : float
        Share of the regions of an image that no label may look at.
    feature_dropout : float
        Share of the features of an image that are set to their mean, the same in all its regions.

    Raises
    ------
    OptionError
        For sizes that cannot be built.

    Notes
    -----
    The paper's decoder has 2 layers of width 2,048 and is trained together with its backbone on 82,000 images; these
    defaults are for hundreds or thousands of images and a backbone that stays as it is.
    """

    width: int = 256
    heads: int = 4
    layers: int = 1
    hidden: int = 512
    dropout: float = 0.1
    region_dropout: float = 0.2
    feature_dropout: float = 0.4

    def __post_init__(self) -> None:
        for name in ("width", "heads", "layers", "hidden"):
            if getattr(self, name) < 1:
                raise OptionError(f"{name} is {getattr(self, name)}", where="config", expected="1 or more")
        if self.width % self.heads or self.width % 4:
            raise OptionError(
                f"width is {self.width}", where="config", expected=f"a multiple of heads ({self.heads}) and of 4"
            )
        for name in ("dropout", "region_dropout", "feature_dropout"):
            if not 0 <= getattr(self, name) < 1:
                raise OptionError(f"{name} is {getattr(self, name)}", where="config", expected="0 or more, below 1")


class Query2Label(nn.Module):
    """Logits of L labels from the features of R regions.

    Parameters
    ----------
    n_features, n_labels : int
        Of a region, and L.
    config : Query2LabelConfig
    grid : tuple of int, optional
        Rows and columns of the grid that the regions form, row by row; regions without a grid have no position.

    Notes
    -----
    Liu, Zhang, Yang, Su and Zhu, "Query2Label: A Simple Transformer Way to Multi-Label Classification",
    arXiv 2107.10834: the label embeddings are the queries of a transformer decoder, keys and values are the regions,
    and each label has a linear classifier of its own on what its query has become. The first layer's attention among
    the labels is left out: it comes before any look at the image, so that all it could do is change the embeddings,
    which are learned anyway.

    Examples
    --------
    >>> network = Query2Label(1280, 80, Query2LabelConfig(), grid=(7, 7))
    >>> network(torch.zeros(2, 49, 1280)).shape
    torch.Size([2, 80])
    """

    def __init__(
        self, n_features: int, n_labels: int, config: Query2LabelConfig, *, grid: tuple[int, int] | None = None
    ) -> None:
        super().__init__()
        self.config, self.grid = config, grid
        self.standardize = Standardize(n_features)
        self.project = nn.Linear(n_features, config.width)
        self.labels = nn.Parameter(torch.randn(n_labels, config.width) * _QUERY_DEVIATION)
        self.looks = nn.ModuleList(LookAtRegions(config) for _ in range(config.layers))
        self.exchanges = nn.ModuleList(LookAtLabels(config) for _ in range(config.layers - 1))
        self.head = GroupWiseLinear(n_labels, config.width)
        positions = torch.zeros(1, config.width) if grid is None else sine_positions(*grid, config.width)
        self.positions: torch.Tensor
        self.register_buffer("positions", positions, persistent=False)

    def forward(self, regions: torch.Tensor) -> torch.Tensor:
        """Map regions of shape (n, R, n_features) to logits of shape (n, L)."""
        values, unseen = self.standardize(regions), None
        if self.training:
            values = nn.functional.dropout1d(values.transpose(1, 2), self.config.feature_dropout).transpose(1, 2)
            unseen = _some_regions(len(values), values.shape[1], self.config.region_dropout)
        values = self.project(values)
        keys = values + self.positions
        queries = self.labels.expand(len(regions), -1, -1)
        for number, look in enumerate(self.looks):
            if number:
                queries = self.exchanges[number - 1](queries, self.labels)
            queries = look(queries, self.labels, keys, values, unseen)
        logits: torch.Tensor = self.head(queries)
        return logits


class Standardize(nn.Module):
    """Takes off each feature's mean and divides by its deviation, both over all regions of the training images."""

    def __init__(self, n_features: int) -> None:
        super().__init__()
        self.mean: torch.Tensor
        self.deviation: torch.Tensor
        self.register_buffer("mean", torch.zeros(n_features))
        self.register_buffer("deviation", torch.ones(n_features))

    def fit(self, regions: torch.Tensor) -> None:
        """Learn both from regions of shape (n, R, n_features); a feature that never differs is only centred."""
        deviation, mean = torch.std_mean(regions, dim=(0, 1), correction=0)
        self.mean.copy_(mean)
        self.deviation.copy_(torch.where(deviation > _FLAT * mean.abs(), deviation, 1.0))

    def forward(self, regions: torch.Tensor) -> torch.Tensor:
        """Map regions to the like."""
        return (regions - self.mean) / self.deviation


class LookAtLabels(nn.Module):
    """Each label attends to all labels: added to what came in, and normalised."""

    def __init__(self, config: Query2LabelConfig) -> None:
        super().__init__()
        self.attention = _attention(config)
        self.norm = nn.LayerNorm(config.width)
        self.dropout = nn.Dropout(config.dropout)

    def forward(self, queries: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        """Map queries of shape (n, L, d) to the like."""
        placed = queries + labels
        seen = self.attention(placed, placed, queries, need_weights=False)[0]
        result: torch.Tensor = self.norm(queries + self.dropout(seen))
        return result


class LookAtRegions(nn.Module):
    """Each label attends to the regions, then passes a feed-forward network; both are added and normalised.

    Vaswani et al., "Attention Is All You Need", NIPS 2017. The embeddings of labels and the positions of regions are
    added anew in every layer, to queries and keys, not to values (Carion et al., "End-to-End Object Detection with
    Transformers", ECCV 2020).
    """

    def __init__(self, config: Query2LabelConfig) -> None:
        super().__init__()
        self.attention = _attention(config)
        self.feed_forward = nn.Sequential(
            nn.Linear(config.width, config.hidden),
            nn.ReLU(),
            nn.Dropout(config.dropout),
            nn.Linear(config.hidden, config.width),
        )
        self.norms = nn.ModuleList(nn.LayerNorm(config.width) for _ in range(2))
        self.dropout = nn.Dropout(config.dropout)

    def forward(
        self,
        queries: torch.Tensor,
        labels: torch.Tensor,
        keys: torch.Tensor,
        values: torch.Tensor,
        unseen: torch.Tensor | None,
    ) -> torch.Tensor:
        """Map queries of shape (n, L, d) to the like; ``unseen`` marks regions to leave out, shape (n, R)."""
        seen = self.attention(queries + labels, keys, values, key_padding_mask=unseen, need_weights=False)[0]
        queries = self.norms[0](queries + self.dropout(seen))
        result: torch.Tensor = self.norms[1](queries + self.dropout(self.feed_forward(queries)))
        return result


class GroupWiseLinear(nn.Module):
    """One weight vector and one bias a label: logit_k = w_k · q_k + b_k."""

    def __init__(self, n_labels: int, width: int) -> None:
        super().__init__()
        bound = 1 / math.sqrt(width)
        self.weight = nn.Parameter(torch.empty(n_labels, width).uniform_(-bound, bound))
        self.bias = nn.Parameter(torch.empty(n_labels).uniform_(-bound, bound))

    def forward(self, queries: torch.Tensor) -> torch.Tensor:
        """Map queries of shape (n, L, d) to logits of shape (n, L)."""
        return (queries * self.weight).sum(dim=-1) + self.bias


def sine_positions(rows: int, columns: int, width: int) -> torch.Tensor:
    """Encode the places of a grid by sines and cosines: half of the values by the row, half by the column.

    Parameters
    ----------
    rows, columns : int
        Of the grid; places are scaled to (0, 2π], so that grids of other sizes get like encodings.
    width : int
        A multiple of 4.

    Returns
    -------
    Tensor of float32, shape (rows · columns, width)
        Row by row.

    Notes
    -----
    Carion et al., ECCV 2020, appendix A.4: the encoding of "Attention Is All You Need", once for each axis.

    Examples
    --------
    >>> sine_positions(7, 7, 256).shape
    torch.Size([49, 256])
    """
    quarter = width // 4
    frequencies = _FREQUENCY_BASE ** (-torch.arange(quarter) / quarter)
    waves = []
    for length in (rows, columns):
        places = torch.arange(1, length + 1) * (2 * math.pi / length)
        angles = places[:, None] * frequencies
        waves.append(torch.cat([angles.sin(), angles.cos()], dim=1))
    down, across = waves
    return torch.cat(
        [down[:, None].expand(-1, columns, -1), across[None].expand(rows, -1, -1)],
        dim=2,
    ).reshape(rows * columns, width)


def _attention(config: Query2LabelConfig) -> nn.MultiheadAttention:
    return nn.MultiheadAttention(config.width, config.heads, dropout=config.dropout, batch_first=True)


def _some_regions(n_images: int, n_regions: int, share: float) -> torch.Tensor:
    """Mark a share of the regions of each image at random, never all of them."""
    chance = torch.rand(n_images, n_regions)
    return (chance < share) & (chance < chance.amax(dim=1, keepdim=True))
