"""The embedded default: a small base model, a sample data set, and the two commands `demo` and `test`."""
