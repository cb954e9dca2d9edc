"""The desk, driven as a reviewer drives it: by its command, with bundles as the server writes them."""
