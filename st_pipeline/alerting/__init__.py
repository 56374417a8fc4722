"""Who is notified: incidents, messages, channels and deliveries."""
