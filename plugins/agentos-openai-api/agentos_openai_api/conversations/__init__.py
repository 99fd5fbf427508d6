"""Conversations: the sessions of this server under OpenAI's name."""
