"""Looks at the files that sources attached, without handing one to another program."""
