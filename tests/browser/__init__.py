"""The studio in a real browser, with a real server: what people see, and what becomes of what they do."""
