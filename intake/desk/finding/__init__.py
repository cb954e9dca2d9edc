"""Finding testimonies: the index of answers and words, filters, searches."""
