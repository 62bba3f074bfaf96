"""The event loop, the tasks on it, the bridge from the queue, and what catches bugs."""
