"""The commands: each module adds its parsers and holds the functions behind them."""
