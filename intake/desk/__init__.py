"""The offline side: keys, the encrypted workspace, and what came on the stick. It never uses a network."""
