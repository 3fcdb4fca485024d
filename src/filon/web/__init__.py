"""What the API and the dashboard have in common as web servers: who asks, and how much a client may hold."""
