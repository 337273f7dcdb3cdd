//! Damaged inputs for what reads bytes of others from files and sockets. See `greenlane_testkit::fuzz`.

mod configuration;
mod control;
mod files;
mod readers;
