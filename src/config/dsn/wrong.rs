//! Errors about an address. They repeat no part of it, which might be part of a password.

use crate::error::{Error, Kind};

/// The hint for an address that may have a delimiter inside the user's name or the password.
pub(super) const ESCAPES: &str = "in a URL write %2F for /, %3F for ?, %23 for #, %40 for @, %3A for : and %25 for % \
                                  inside user, password and database; or give the password in PGPASSWORD";

/// A `Config` error with the syntax of an address as its hint. `message` must hold no part of the address.
pub(super) fn wrong(message: impl Into<String>) -> Error {
    Error::new(Kind::Config, message)
        .hint("write postgresql://user:password@host:5432/database?sslmode=verify-full, or host=… dbname=… user=…")
}
