//! fedproof-client
