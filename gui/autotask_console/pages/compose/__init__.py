"""Compose: a form over the entity catalogue, a JSON view of the same document, drafts that survive."""
