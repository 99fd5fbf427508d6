"""The HTTP API: what all of it uses, our own resources, and what the server says about itself."""
