"""Projects that come with Filon."""
