"""The pixel grid of a picture: downscaling and palettes."""
