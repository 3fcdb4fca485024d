"""Why a figure is what it is: the panel that explains a card, a mark of a chart, or a row."""
