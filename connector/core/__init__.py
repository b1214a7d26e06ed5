"""The pure core: facts go in, actions come out. No clock, no input or output, no thread, no logger."""
