"""The small base model of our own: its layout, its drawings, its recipe and the file that is shipped."""
