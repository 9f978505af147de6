"""Programs that measure. Each prints what it found beside a limit or a peer measured in the same run."""
