"""Who can sign in, and who is signed in: accounts, roles, sessions."""
