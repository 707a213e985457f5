"""Coarse-grained models: networks whose outputs' signs are hash codes."""
