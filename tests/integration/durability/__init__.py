"""A process that is killed, and a machine that loses power, at every durable call."""
