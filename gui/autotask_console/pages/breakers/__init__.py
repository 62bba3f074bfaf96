"""The breakers page: whether each zone sends, why not, and holding it for maintenance."""
