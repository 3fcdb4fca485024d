"""The stages of the pipeline, in the order the data travels: bronze, silver, gold, publish."""
