"""What is measured on one picture, and on many at once."""
