"""The control port: people and tests make phones, let them act and provoke faults over HTTP."""
