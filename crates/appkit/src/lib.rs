//! appkit
