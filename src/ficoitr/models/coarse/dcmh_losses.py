"""The losses of DCMH: of the codes of a batch of one modality, against all training pairs' codes of the other."""

from __future__ import annotations

from torch import Tensor
from torch.nn import functional as F


def likelihood_loss(values: Tensor, others: Tensor, similar: Tensor) -> Tensor:
    """Compute the negative log-likelihood that similar pairs have codes alike.

    J = -Σ_ij (S_ij Θ_ij - log(1 + exp Θ_ij)), Θ_ij = <f_i, g_j> / 2; the logarithm is computed so that it is finite for
    every Θ.

    Parameters
    ----------
    values : Tensor, shape (n, bits)
        f, the network's outputs for the batch.
    others : Tensor, shape (N, bits)
        g, the latest outputs of the other network for all pairs.
    similar : Tensor of 0 and 1, shape (n, N)
        S, whether two pairs share a label.

    Notes
    -----
    Jiang and Li, "Deep Cross-Modal Hashing", CVPR 2017, equation 1.
    """
    # Σ_ij S_ij Θ_ij is Σ_i <f_i, Σ_j S_ij g_j> / 2: one pass less over a matrix that is as wide as the training set.
    alike = (values * (similar @ others)).sum() / 2
    return F.softplus((values / 2) @ others.T).sum() - alike


def quantization_loss(values: Tensor, codes: Tensor) -> Tensor:
    """Compute ‖B - F‖² of outputs of shape (n, bits) and binary codes of the same pairs."""
    return (codes - values).square().sum()


def balance_loss(values: Tensor, elsewhere: Tensor) -> Tensor:
    """Compute ‖Σ_i f_i‖² over all pairs: 0 where every bit is +1 as much as -1.

    Parameters
    ----------
    values : Tensor, shape (n, bits)
        Outputs for the batch, which gradients go to.
    elsewhere : Tensor, shape (bits,)
        The sum of the outputs for all other pairs, see `latest_sum` and `extrapolated_sum`.
    """
    return (elsewhere + values.sum(dim=0)).square().sum()


def latest_sum(buffer: Tensor, rows: Tensor) -> Tensor:
    """Sum the latest outputs for all pairs but those of a batch.

    Parameters
    ----------
    buffer : Tensor, shape (N, bits)
        The latest outputs for all pairs, some of which are as old as an epoch.
    rows : Tensor of int64, shape (n,)
        The batch.
    """
    return buffer.sum(dim=0) - buffer[rows].sum(dim=0)


def extrapolated_sum(values: Tensor, before: Tensor, total: Tensor, n_pairs: int) -> Tensor:
    """Estimate the sum of the outputs for all pairs but a batch's, as if all had changed as the batch has.

    Σ_i f'_i + (N / n) Σ_batch (f_i - f'_i) - Σ_batch f_i, f' being the outputs that were known when the epoch began:
    an estimate without bias, where the latest outputs lag by up to an epoch.

    Parameters
    ----------
    values, before : Tensor, shape (n, bits)
        f and f' of the batch.
    total : Tensor, shape (bits,)
        Σ_i f'_i.
    n_pairs : int
        N.
    """
    change = (values - before).sum(dim=0)
    return (total + n_pairs / len(values) * change - values.sum(dim=0)).detach()
