"""The wire formats as sans-IO code: bytes in, bytes out, no sockets, no clock."""
