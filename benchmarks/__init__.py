"""Costs beside stock Salt's, measured in one run and told as ratios. `python -m benchmarks` runs them all."""
