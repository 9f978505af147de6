"""What the studio is built of, and where it is built into."""
