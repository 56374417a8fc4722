"""Turns facts into the sentences, badges and charts of the pages. Pure."""
