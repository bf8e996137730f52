"""What is read from many records: their history, and the gate of a nightly run. Trains nothing."""
