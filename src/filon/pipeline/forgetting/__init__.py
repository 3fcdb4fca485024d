"""People are forgotten: erased from everything that Filon holds of them."""
