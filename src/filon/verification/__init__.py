"""Whether a release is what it says: every byte, row and count of the lake, and the rows that a store serves."""
