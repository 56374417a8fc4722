"""Who may sign in, and who is signed in: accounts, roles, invitations, sessions."""
