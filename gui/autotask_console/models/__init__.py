"""Item models over windows of rows: a vector of numbers for all of them, and pages of those in sight."""
