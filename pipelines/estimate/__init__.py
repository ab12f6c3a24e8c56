"""What recorded use lets one say: rates, what would be expected, what is coming, and how sure all of that is.

Each module here takes counts by area and period (`panel`) and works one thing out, by methods that are named in it.
Counts may be exact (the restricted layers) or as published, which means rounded or hidden: then each is a range, and a
method takes the range for what it is. What is published is worked out from what was published before, never from
exact counts (`pipelines.protect`). Nothing here is about a person, a household or a home: the smallest thing that has
a figure is an area.
"""
