"""Pixel art of our own drawing: portraits and simple scenes, 24x24 cells, each with the truth about itself."""
