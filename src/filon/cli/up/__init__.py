"""``filon up``: every service on this machine, without containers.

``services`` is the table of what there is, ``programs`` finds it, ``site`` holds what services know of each other,
``stack`` starts and watches them, ``screen`` shows them.
"""

from filon.cli.up.command import up

__all__ = ["up"]
