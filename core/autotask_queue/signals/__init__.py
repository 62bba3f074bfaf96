"""Pure measurement: histograms and rates that need no clock of their own."""
