"""A Signal peer (X3DH and double ratchet, message version 3) for the virtual phones. Pure code."""
