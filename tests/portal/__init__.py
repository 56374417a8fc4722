"""Tests of the portal, against a real warehouse."""
