"""Data files that the queue and the console share.

They are read with `importlib.resources.files("autotask_resources")`. A package of its own, so that an
editable install, a wheel and a bundle find the same files the same way.
"""
