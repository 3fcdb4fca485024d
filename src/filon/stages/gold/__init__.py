"""Gold: the tables of models, computed whole or for the keys that changes of their inputs affect."""

from filon.stages.gold.build import build_gold, recipe_of

__all__ = ["build_gold", "recipe_of"]
