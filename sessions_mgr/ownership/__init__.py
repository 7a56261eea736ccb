"""Which node runs which session: leases, placement, fencing. docs/ownership.md tells the story."""
