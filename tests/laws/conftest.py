"""How hard the laws are tried."""

from __future__ import annotations

from hypothesis import settings

# Compiled kernels load within the first example, so that no deadline is fair.
settings.register_profile("laws", max_examples=20, deadline=None)
settings.load_profile("laws")
