//! fedproof-virtual
