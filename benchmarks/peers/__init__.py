"""Other servers of agents beside AgentOS: the same model, the same load, the same machine; see PEERS.md."""
