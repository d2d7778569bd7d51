"""The provider agent: carries out signed orders and signs receipts."""
