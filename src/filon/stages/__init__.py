"""The stages of the line, in the order the data travels: bronze, silver, gold, publish."""
