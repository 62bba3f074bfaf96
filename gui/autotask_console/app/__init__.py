"""The composition root: the only place that makes services, and the order in which they end."""
