"""The one place that states the version; the build, the bundle and every banner read it from here."""

__version__ = "0.1.0"
