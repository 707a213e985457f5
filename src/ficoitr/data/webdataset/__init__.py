"""WebDataset shards: tar files of images and what describes them, read without being unpacked."""

from __future__ import annotations

from ficoitr.data.webdataset.reading import TarImages, load
from ficoitr.data.webdataset.writing import write_webdataset

__all__ = ["TarImages", "load", "write_webdataset"]
