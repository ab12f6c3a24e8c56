"""Travel over roads: networks, snapping of places to them, the quickest ways, catchments, and how near sites are.

Here belong arrays and geometry in EPSG:27700 (metres) and seconds. `roads` and `places` turn them into tables and back;
nothing here knows of an authority's files, or of Dagster.
"""
