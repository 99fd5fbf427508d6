"""Outgoing HTTP/1.1: guarded addresses, strict deadlines, and calls that another thread can cut.

Model servers, tools, attachments and key sets are reached through this package. What an answer means is decided there.
"""
