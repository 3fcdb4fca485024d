"""Events of OpenLineage: what runs, tables and checks read and write, for programs that draw lineage.

Only this package imports the client of OpenLineage, which is the extra ``openlineage``, and only ``pipeline.tracing``
imports this package, when events are wanted.
"""
