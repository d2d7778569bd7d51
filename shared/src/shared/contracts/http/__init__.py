"""What goes over each department's HTTP door: bodies and views. Pydantic only; service, SDK and pages share them."""
