"""A whole world on one machine: a real Kafka broker, a stand-in for Awin, and traffic between them."""
