"""How things are made: verbs, in plain Python that works from a notebook.

One verb a module. Nothing here imports Dagster except the package `orchestrate`; what is made (tables, layers,
maps) is described in the package `assets`.
"""
