"""The top-k SVD against its peers: `python -m benchmarks.topk_svd --help`, from the root of the repository."""
