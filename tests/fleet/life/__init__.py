"""A worker's life, as tests see it: a shop whose steps write down what they do, and workers of it by the command."""
