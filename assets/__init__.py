"""What is made: one file an output, in one folder a stage.

A `.sql` file is a table made by its one statement, a `.py` file a table or page made by its function `make` or
`draw`, a `.yaml` file a description that a verb in `pipelines` carries out. No Dagster here, and no logic that two
outputs share.
"""
