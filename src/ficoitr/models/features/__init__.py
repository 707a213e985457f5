"""Features that models are fitted to: classic image features and the terms of texts."""

from ficoitr.models.features.extract import FEATURE_SETS, extract_features, shared_features

__all__ = ["FEATURE_SETS", "extract_features", "shared_features"]
