"""The pipeline under Prefect 3: flows, tasks, deployments, triggers and artifacts.

Only this package imports Prefect, which is the extra ``prefect``. The work itself is done by ``filon.pipeline.run``.
"""
