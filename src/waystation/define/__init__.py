"""What users write: steps and workflows."""
