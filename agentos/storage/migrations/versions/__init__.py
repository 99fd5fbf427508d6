"""A module for each revision, in order."""
