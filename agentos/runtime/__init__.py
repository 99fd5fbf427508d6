"""The agent loop: from a prompt to a stream of events. It knows neither HTTP nor the database."""
