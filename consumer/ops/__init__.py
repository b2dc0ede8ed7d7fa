"""What operators see of a running consumer: metrics, health and logs."""
