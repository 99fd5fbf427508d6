"""Attachments: what is accepted, and bringing it in, before a run starts."""
