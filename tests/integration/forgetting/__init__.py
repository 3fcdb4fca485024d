"""People are forgotten: nothing of them is left in anything that Filon holds."""
