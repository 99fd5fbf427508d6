"""The test kit that AgentOS ships: contract tests and small fakes for authors of plugins and agents."""
