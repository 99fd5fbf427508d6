"""Where sessions, runs, events, stored agents and API keys live."""
