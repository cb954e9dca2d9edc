"""What `gunicorn wsgi:app` reads by itself. The settings live beside the server that `intake run` starts."""

from intake.operator import server

globals().update(server.SETTINGS)
