"""How a gold model can be computed for what changed only: worked out from its SQL, without data."""

from filon.stages.incremental.locality import Blocked, changed_rows
from filon.stages.incremental.reasons import Reason
from filon.stages.incremental.strategy import AFFECTED, Full, KeyPart, Local, Strategy, StrategyKind, strategy_of

__all__ = [
    "AFFECTED",
    "Blocked",
    "Full",
    "KeyPart",
    "Local",
    "Reason",
    "Strategy",
    "StrategyKind",
    "changed_rows",
    "strategy_of",
]
