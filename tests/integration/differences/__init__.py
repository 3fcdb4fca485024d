"""What a run would change, and what it is allowed to."""
