"""The pages of one tenant."""
