//! Named places at which a test can make evo fail, stop or die.
//!
//! `failpoint!("load.before_commit")` stands on a line of its own in an async or plain function that returns this crate's
//! [`Result`]. It is nothing in a release build without the feature `failpoints`. `EVO_FAILPOINTS` says what happens where:
//!
//! ```text
//! EVO_FAILPOINTS="load.before_commit=kill@3;load.after_copy=error(DatabaseUnavailable)"
//! ```
//!
//! | action | what happens |
//! |---|---|
//! | `kill` | the process dies of SIGKILL |
//! | `pause` | the thread sleeps for ever; stderr says so, for the test to go on |
//! | `sleep(MS)` | the thread sleeps for so long |
//! | `error(KIND)` | the place returns an error of the kind |
//!
//! `@N` is for the Nth time that the place is reached, `@N+` from then on, nothing for every time. A thread is blocked, not a
//! task: what is to be tested is a process that stands still.

#[cfg(any(debug_assertions, feature = "failpoints"))]
mod armed;

#[cfg(any(debug_assertions, feature = "failpoints"))]
pub use armed::{VARIABLE, arm, hit};
#[cfg(not(any(debug_assertions, feature = "failpoints")))]
pub use unarmed::{VARIABLE, arm};

/// A place at which a test can make evo fail. Nothing in release builds.
#[macro_export]
macro_rules! failpoint {
    ($name:literal) => {
        #[cfg(any(debug_assertions, feature = "failpoints"))]
        $crate::failpoint::hit($name)?;
    };
}

#[cfg(not(any(debug_assertions, feature = "failpoints")))]
mod unarmed {
    use crate::error::Result;

    /// No variable is read: setting it is an error like any other unknown variable.
    pub const VARIABLE: Option<&str> = None;

    /// Arms nothing.
    ///
    /// # Errors
    /// None.
    pub fn arm(_: Option<&str>) -> Result<()> {
        Ok(())
    }
}
