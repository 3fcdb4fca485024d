"""What the servers of the API and the dashboard share: client addresses, and limits of connections."""
