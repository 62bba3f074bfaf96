"""The pages. Each is `pages/<name>/page.py` with `create(services) -> Page`; none knows another."""
