"""What a SQLite store does when its disk, its file or another process fails it."""
