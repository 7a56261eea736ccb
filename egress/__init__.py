"""Requests that customers make us send: to which addresses, and over what. Imports no app."""
