"""An MCP server for tests."""

from mcp.server.mcpserver import MCPServer

server = MCPServer("clock")


@server.tool()
def now() -> str:
    """Say the time."""
    return "12:34"


server.run()
