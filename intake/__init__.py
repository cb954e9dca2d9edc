"""Secure intake of testimonies, and the offline desk that reads them."""
