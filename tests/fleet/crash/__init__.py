"""What the crash tests of the fleet are made of."""
