"""What waits and runs: the parts that `QueueManager` puts together."""
