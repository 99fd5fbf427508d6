"""What a language model is to AgentOS: a provider that streams deltas."""
