"""One module for each part of the API. Every method is one operation, named as in the schema."""
