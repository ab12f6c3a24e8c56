"""Data to try and test the project on; `data.borough` makes the invented borough in `data/sample`."""
