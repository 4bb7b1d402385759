//! The room through its doors: HTTP in, ledgers and record out, on every engine. One target, so that it is linked once.

mod assurance;
mod billing;
mod booking;
mod dispute;
mod isolation;
mod park;
mod search;
mod story;
