"""Who calls, and what they may do and how often: authenticators, API keys, rate limits. No HTTP framework."""
