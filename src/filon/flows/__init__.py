"""Prefect 3 around the pipeline: flows and tasks over the same stages, deployments, triggers, artifacts.

Only this package imports Prefect, which is the extra ``prefect``. Nothing here computes: ``filon.pipeline.run`` does.
"""
