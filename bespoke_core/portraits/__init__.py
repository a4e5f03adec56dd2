"""Pixel art of our own drawing, 24x24 cells: portraits and simple scenes, with the truth about each."""
