//! Named places at which a test can make evo fail, stop or die.
//!
//! `failpoint!("load.before_commit")` is a statement in an async or plain function that returns this crate's
//! [`Result`]. It compiles to nothing in a release build without the feature `failpoints`. `EVO_FAILPOINTS`
//! says what happens where:
//!
//! ```text
//! EVO_FAILPOINTS="load.before_commit=kill@3;load.after_copy=error(DatabaseUnavailable)"
//! ```
//!
//! | action | what happens |
//! |---|---|
//! | `kill` | the process is killed with SIGKILL |
//! | `pause` | the thread sleeps for ever |
//! | `sleep(MS)` | the thread sleeps for that many milliseconds |
//! | `error(KIND)` | the function returns an error of that kind |
//!
//! With `@N` it happens the Nth time that the failpoint is reached, with `@N+` from then on, without either
//! every time. Each time a line on stderr says so, for a test to wait for. `pause` and `sleep` block the
//! thread and not only the task: they imitate a process that stands still.

#[cfg(any(debug_assertions, feature = "failpoints"))]
mod armed;

#[cfg(any(debug_assertions, feature = "failpoints"))]
pub use armed::{VARIABLE, arm, hit};
#[cfg(not(any(debug_assertions, feature = "failpoints")))]
pub use unarmed::{VARIABLE, arm};

/// A named place at which a test can make evo fail. Compiles to nothing in release builds.
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

    /// No variable is read: setting one is an error, as for any other unknown variable.
    pub const VARIABLE: Option<&str> = None;

    /// Does nothing.
    ///
    /// # Errors
    /// Never fails.
    pub fn arm(_: Option<&str>) -> Result<()> {
        Ok(())
    }
}
