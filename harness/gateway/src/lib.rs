//! fedproof-gateway
