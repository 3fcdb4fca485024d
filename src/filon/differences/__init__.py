"""What a release has that another one has not: of a run before it is published, and of two releases that are kept."""
