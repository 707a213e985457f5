"""The matrix products that the hashing models cannot do without, as bare calls of torch on arrays of their shapes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

Encoding = Callable[[Tensor], Tensor]


def weights(network: nn.Module) -> list[Tensor]:
    """Of the linear layers, in their order."""
    return [one.weight.detach() for one in network.modules() if isinstance(one, nn.Linear)]


def chain(layers: list[Tensor]) -> Encoding:
    """Linear layers one after the other."""

    def products(rows: Tensor) -> Tensor:
        for layer in layers:
            rows = rows @ layer.T
        return rows

    return products


def region_products(encoder: Any) -> Encoding:
    """Those of ADV's region encoder; heads are cut without bringing them into order, which is no product."""
    layer = encoder.layer
    query, key, value = weights(layer.attention["self"])
    (projected,) = weights(layer.attention["output"])
    wide, narrow = *weights(layer.intermediate), *weights(layer.output)
    heads = layer.attention["self"]._heads

    def products(regions: Tensor) -> Tensor:
        n_images, n_regions, _ = regions.shape
        states = regions.flatten(0, 1) @ encoder.mapping.weight.T
        queries, keys, values = ((states @ one.T).view(n_images * heads, n_regions, -1) for one in (query, key, value))
        attended = torch.bmm(torch.bmm(queries, keys.transpose(1, 2)), values)
        states = attended.view(states.shape) @ projected.T
        return (states @ wide.T) @ narrow.T @ encoder.mapping2.weight.T

    return products


def token_products(encoder: Any, n_texts: int, n_tokens: int) -> Encoding:
    """Those of ADV's text encoder, on windows of tokens that lie ready."""
    kernels = [one.weight.detach().flatten(1) for one in encoder.convs1]
    width = encoder.convs1[0].weight.shape[3]
    windows = [torch.rand(n_texts * (n_tokens + 1 - len(one[0]) // width), len(one[0])) for one in kernels]
    maxima = torch.rand(n_texts, encoder.mapping.in_features)

    def products(tokens: Tensor) -> Tensor:
        for one, kernel in zip(windows, kernels, strict=True):
            one[: len(tokens) * (len(one) // n_texts)] @ kernel.T
        return maxima[: len(tokens)] @ encoder.mapping.weight.T

    return products


@dataclass(frozen=True)
class Product:
    """One product of a step, memory that its result fits into, and whether that is a gradient of weights."""

    left: Tensor
    right: Tensor
    out: Tensor
    kept: bool = False

    @classmethod
    def of(cls, left: Tensor, right: Tensor, *, kept: bool = False) -> Product:
        """Find how much memory it takes."""
        return cls(left, right, torch.empty_like(torch.matmul(left, right)), kept)


def into_memory(products: list[Product]) -> None:
    """Write each into memory that is there."""
    for one in products:
        torch.matmul(one.left, one.right, out=one.out)


def into_fresh_memory(products: list[Product]) -> None:
    """Give each memory of its own, as layers and gradients get it; gradients of weights keep it to the end."""
    kept = []
    for one in products:
        result = torch.matmul(one.left, one.right)
        if one.kept:
            kept.append(result)


def passes(
    layers: list[Tensor], n_rows: int, *, forward: bool = True, of_weights: bool = True, of_input: bool = True
) -> list[Product]:
    """Forward through linear layers, the gradients of their weights, and those of their inputs."""
    products = []
    for place, layer in enumerate(layers):
        rows, slopes = torch.randn(n_rows, layer.shape[1]), torch.randn(n_rows, layer.shape[0])
        products += [Product.of(rows, layer.T)] if forward else []
        products += [Product.of(slopes.T, rows, kept=True)] if of_weights else []
        # Nobody asks for the gradient of features that were given.
        products += [Product.of(slopes, layer)] if place or of_input else []
    return products


def gradient_penalty(layers: list[Tensor], n_rows: int) -> list[Product]:
    """Forward, the gradient of the input, and both differentiated again by the weights."""
    return [
        *passes(layers, n_rows, of_weights=False),
        *passes(layers, n_rows, forward=False, of_input=False),
    ]


def similarities(n_rows: int, width: int) -> list[Product]:
    """All pairs of two sides, and the gradients of both."""
    one, other, slopes = torch.randn(n_rows, width), torch.randn(n_rows, width), torch.randn(n_rows, n_rows)
    return [Product.of(one, other.T), Product.of(slopes, other), Product.of(slopes.T, one)]


def ucch_step(network: Any, config: Any, n_rows: int) -> list[Product]:
    """Both networks, the bank's keys once they are gathered, and the ranking loss."""
    keys = torch.randn(n_rows, config.negatives + 1, config.bits)
    outputs, slopes = torch.randn(n_rows, config.bits, 2), torch.randn(n_rows, 2, config.negatives + 1)
    return [
        *passes(weights(network.image), n_rows, of_input=False),
        *passes(weights(network.text), n_rows, of_input=False),
        Product.of(keys, outputs),
        Product.of(slopes, keys),
        *similarities(n_rows, config.bits),
    ]


def dadh_step(generator: Any, discriminators: Any, config: Any, n_rows: int, n_labels: int) -> list[Product]:
    """The generator, its second codes of texts, each discriminator's passes, and the triplets."""
    labels = torch.rand(n_rows, n_labels)
    products = [Product.of(labels, labels.T), *similarities(n_rows, config.bits)]
    for side in (generator.image_module, generator.text_module):
        products += passes(weights(side), n_rows, of_input=False)
    for hashed in generator.hash_module.values():
        products += passes(weights(hashed), n_rows)
    products += passes(weights(generator.hash_module["text"]), n_rows, of_input=False)
    for judge in (discriminators.feature_dis, discriminators.hash_dis):
        layers = weights(judge)
        products += passes(layers, 2 * n_rows, of_input=False)
        products += gradient_penalty(layers, n_rows)
        # What the generator is told by it.
        products += passes(layers, n_rows, of_weights=False)
    return products
