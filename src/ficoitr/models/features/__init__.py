"""Features of images and texts that models are fitted to: classic ones, and those of networks and text models."""

from ficoitr.models.features.base import Extractor, FittedTextExtractor, ImageExtractor, TextExtractor
from ficoitr.models.features.extract import extract_features, shared_features
from ficoitr.models.features.readable import Readable, readable
from ficoitr.models.features.registry import FeatureEntry, feature_names, fit_extractor, load_extractor
from ficoitr.models.features.saving import save_features
from ficoitr.models.features.vectors import FeatureSource, feature_source, feature_vectors

__all__ = [
    "Extractor",
    "FeatureEntry",
    "FeatureSource",
    "FittedTextExtractor",
    "ImageExtractor",
    "Readable",
    "TextExtractor",
    "extract_features",
    "feature_names",
    "feature_source",
    "feature_vectors",
    "fit_extractor",
    "load_extractor",
    "readable",
    "save_features",
    "shared_features",
]
