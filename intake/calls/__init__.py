"""The questionnaires as data, the model that loads and checks them, and the one place that validates answers."""
