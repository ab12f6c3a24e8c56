"""Speed, measured as a ratio against a named alternative in the same run; never asserted as a time in a test.

One module a comparison, each with `run() -> Comparison`; `python -m benchmarks` runs them all. Inputs are generated,
with a fixed seed, in a temporary folder.
"""
