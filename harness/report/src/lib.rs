//! fedproof-report
