"""Fine-grained models without pretraining: regions and words, matched by embeddings or by cross attention."""
