"""Memory and time of the instance task over 100,000 images × 500,000 texts of 64 bits, both directions."""

from __future__ import annotations

import json
import sys

import numpy as np

from measure import in_own_process, machine, status_bytes, timed

N_IMAGES, N_TEXTS = 100_000, 500_000


def whole() -> dict[str, float]:
    from ficoitr import HashCodes, evaluate

    generator = np.random.default_rng(0)
    images = generator.integers(0, 2**63, (N_IMAGES, 1), dtype=np.uint64)
    # A text differs from its image in about 12 bits.
    flips = np.bitwise_and.reduce(generator.integers(0, 2**63, (2, N_TEXTS, 1), dtype=np.uint64), axis=0)
    texts = np.repeat(images, 5, axis=0) ^ flips
    codes = HashCodes(images, 64), HashCodes(texts, 64)
    evaluate(HashCodes(images[:100], 64), HashCodes(texts[:500], 64), captions_per_image=5, resamples=10)
    result = timed(lambda: evaluate(*codes, captions_per_image=5, resamples=0))
    return {**result, "process": status_bytes("VmHWM") / 1e6}


def main() -> None:
    if "--measure" in sys.argv:
        print(json.dumps(whole()))
        return
    row = in_own_process(__file__, "whole")
    pairs = 2 * N_IMAGES * N_TEXTS
    print(f"{N_IMAGES:,} × {N_TEXTS:,} codes of 64 bits, both directions. {machine()}\n")
    print(
        f"{row['wall']:.0f} s, {1e9 * row['cpu'] / pairs:.3f} ns of CPU a pair; at its peak the whole process held "
        f"{row['process']:.0f} MB, {row['megabytes']:.0f} MB above the codes."
    )


if __name__ == "__main__":
    main()
