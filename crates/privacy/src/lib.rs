//! Personal data sealed under one key per data subject; erasing the key erases the data.
