"""Models without neural networks, to be beaten."""
