"""Attachments: what is accepted, before a run starts."""
