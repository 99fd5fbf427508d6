"""A framework, as far as the guest's side can tell."""

__version__ = "2.0"


class ToyAgent:
    def __init__(self, text):
        self.text = text


class Question(Exception):
    pass
