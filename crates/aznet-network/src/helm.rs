//! Helm: the only module that starts it.
