"""Requests to hosts that nobody vouches for: what a model, a client or a web page names. Nothing inside is reached."""
