"""A WhatsApp network on loopback that an unmodified whatsmeow client can talk to.

Nothing in this package imports Django, neonize or another app of the project, and nothing in it
ever opens an outgoing connection to a host other than 127.0.0.1 (see `client`, which talks to the
control port of this very package).
"""
