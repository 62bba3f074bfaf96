"""The Queue page: the live list of requests, what to do with them, and the story of each."""
