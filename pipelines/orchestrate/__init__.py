"""Dagster: the steps of `pipelines.run` with a graph to look at, a history, and checks that hold back what is wrong.

The only code that imports dagster. What a step does is elsewhere; here is how it is shown, checked, started and
remembered. Without this package everything can still be made: `pipelines.run.run`.

    graph.py        an authority's steps as assets, checks and jobs
    checks.py       what must hold of a table before anything is made from it
    description.py  what people read of a table: meaning, path, columns, owner, SQL
    preview.py      a small map of a published table
    freshness.py    how often each table wants to be made again
    sensors.py      what starts a run by itself: files that come, the calendar; and word of what went wrong
    notify.py       that word, by webhook and e-mail
    execution.py    running everything from the command line
    ui.py           Dagster's pages in the browser
    instance.py     where Dagster's own files are (with dagster.yaml at the top level)
    history.py      how runs are stored
    failure.py      what may be said of an error
    definitions.py  what `dg dev` and `dg check defs` load
"""
