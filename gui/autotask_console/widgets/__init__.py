"""Building blocks that know neither the queue nor the state; they take values and emit signals."""
