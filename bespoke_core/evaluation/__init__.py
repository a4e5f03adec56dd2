"""A sweep's plan, its store of results, statistics, verdict and report."""
