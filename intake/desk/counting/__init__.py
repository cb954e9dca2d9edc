"""Seeing the whole: what is counted, how it is drawn, and which numbers may leave."""
