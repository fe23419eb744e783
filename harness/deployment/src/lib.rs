//! fedproof-deployment
