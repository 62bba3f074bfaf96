"""The metrics page: requests per minute, what waits, response times."""
