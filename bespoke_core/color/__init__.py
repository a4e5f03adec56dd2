"""Colour spaces, differences and names; knows no other part of Bespoke."""
