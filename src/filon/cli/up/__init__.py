"""``filon up``: every service on this machine, without containers.

``services`` is the table of services, ``programs`` finds their programs, ``site`` holds ports, secrets and addresses,
``stack`` starts and monitors the services, ``screen`` prints their states.
"""

from filon.cli.up.command import up

__all__ = ["up"]
