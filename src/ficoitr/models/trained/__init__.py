"""Models that are trained in epochs: what they read (``inputs``), what they share (``model``), how they lie on disk."""
