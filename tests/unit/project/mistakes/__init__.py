"""What people get wrong in a project: one changed line each, and what Filon says of it."""
