"""What the tests of steps that are spread are made of."""
