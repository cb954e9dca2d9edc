"""What the person who runs the server uses: the commands, the server process, the export. None of it can decrypt."""
