"""The working copy of a testimony: what is taken out of it, who confirmed that, and what is quoted from it."""
