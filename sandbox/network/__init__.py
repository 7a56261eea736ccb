"""The network behind the wire: phones, linked devices, routing. One module per feature.

Handlers are plain functions on the event loop's thread: they run to the end without interleaving,
say what they have to say through `Connection.send`, and never wait.
"""
