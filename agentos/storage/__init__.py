"""Where sessions, runs, events and stored agents live."""
