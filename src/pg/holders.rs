//! Who holds a lock that is waited for, and what ends the wait.

/// The sessions and prepared transactions that hold a lock, or that a holder itself waits for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Holders {
    /// A phrase for each, without its statement, which may hold values.
    pub(super) by: String,
    /// The name of a prepared transaction among them, as SQL writes it. No session will end it.
    pub(super) gid: Option<String>,
}

impl Holders {
    /// The statement or the advice that ends the wait.
    pub(super) fn remedy(&self) -> String {
        match &self.gid {
            Some(gid) => format!(
                "only its owner or a superuser can end it: rollback prepared {gid}; or commit prepared {gid}; then \
                 run the same command again"
            ),
            None => {
                "end that transaction, with pg_terminate_backend(pid) if necessary, then run the same command again"
                    .to_owned()
            }
        }
    }
}
