"""Where settings become running stages: one module per role."""
