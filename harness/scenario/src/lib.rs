//! fedproof-scenario
