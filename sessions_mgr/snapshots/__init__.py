"""Copies of stores: sealed snapshots, restore, import, and cleaning up.

errors, envelope, databases    know no Django: sealing, and the engine's database files
keys, vault                    the keys, and the snapshots in Django's storage
restoring, importing           put credentials back; take them over from another program
inspection, housekeeping       what there is, whether it is in order, what may go
schedule                       the node's thread that does it all by itself
"""

from .housekeeping import usage

__all__ = ["usage"]
