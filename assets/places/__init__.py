"""The places stage: the spine of properties, the areas, and every record put on its place. Exact, so restricted."""
