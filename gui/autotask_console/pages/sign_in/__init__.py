"""Sign in: who calls Autotask, where the tenant lives, and whether it works; skippable while offline."""
