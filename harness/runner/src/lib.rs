//! fedproof-runner
