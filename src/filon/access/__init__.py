"""Access from Python: run a project, and read the tables of its releases. The command line uses the same."""

from filon.access.pipeline import Pipeline
from filon.access.release import OpenRelease
from filon.access.rows import Rows

__all__ = ["OpenRelease", "Pipeline", "Rows"]
