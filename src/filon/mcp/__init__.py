"""An MCP server over the API, by which models and agents ask for tables, measures and explanations; read only."""
