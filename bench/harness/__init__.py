"""What the scenarios stand on: a private server, cached lakes, processes that are measured, tables."""
