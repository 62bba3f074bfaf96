"""The desktop console over `autotask_queue`; gui/README.md says why it is built as it is."""
