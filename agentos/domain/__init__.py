"""The values that everything else speaks of: agents, sessions, messages, runs, events.

Pure data on the standard library alone; nothing here reads a clock, a database or a socket unless it is asked to.
"""
