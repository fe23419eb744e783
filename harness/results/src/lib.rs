//! fedproof-results
