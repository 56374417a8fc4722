"""What is wrong: each rule reads rows and returns findings. Who is notified is in alerting/."""
