"""The strategies of models, as text and as JSON."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from filon.stages.incremental import Full, Local, Reason, Strategy


def strategy_lines(strategies: Mapping[str, Strategy]) -> Iterator[str]:
    """A line for each model: its strategy and key; below, why it is full, or when."""
    width = max(map(len, strategies), default=0)
    for name, strategy in strategies.items():
        if isinstance(strategy, Full):
            yield f"{name:<{width}}  {strategy.kind}"
            yield _why("    because of ", strategy.model.path.name, strategy.reason, strategy.line)
            continue
        keys = ", ".join(part.name for part in strategy.key)
        beside = f"; looks up {', '.join(strategy.looked_up)}" if strategy.looked_up else ""
        yield f"{name:<{width}}  {strategy.kind} {keys}{beside}"
        for item in strategy.blocked:
            start = f"    full when {item.table} changes, because of "
            yield _why(start, strategy.model.path.name, item.reason, item.line)


def _why(start: str, file: str, reason: Reason, line: int | None) -> str:
    place = f" ({file}:{line})" if line else ""
    return f"{start}{reason}{place}: {reason.advice}"


def strategy_facts(strategy: Strategy) -> dict[str, object]:
    """A strategy as JSON has it."""
    facts: dict[str, object] = {"model": strategy.model.name, "strategy": strategy.kind}
    if isinstance(strategy, Full):
        return {**facts, **_reason_facts(strategy.reason, strategy.line)}
    return {**facts, **_local_facts(strategy)}


def _local_facts(strategy: Local) -> dict[str, object]:
    return {
        "key": [part.name for part in strategy.key],
        "restricted": strategy.restricted,
        "looked_up": strategy.looked_up,
        "full_when": [{"table": item.table, **_reason_facts(item.reason, item.line)} for item in strategy.blocked],
    }


def _reason_facts(reason: Reason, line: int | None) -> dict[str, object]:
    return {"reason": reason, "line": line, "advice": reason.advice}
