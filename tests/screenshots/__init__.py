"""`make screenshots`: a product with the sandbox, believable data in it, pictures of every page."""
