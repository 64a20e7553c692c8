//! The names of what is counted and timed. They appear in `evo.runs.measures` and do not change.

/// An enum whose variants have names for a machine.
macro_rules! named {
    ($(#[$doc:meta])* $name:ident { $($(#[$what:meta])* $variant:ident = $text:literal,)* }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum $name {
            $($(#[$what])* $variant,)*
        }

        impl $name {
            /// Every variant, in order.
            pub const ALL: &[Self] = &[$(Self::$variant,)*];

            /// The name for a machine: lowercase, with underscores.
            pub fn name(self) -> &'static str {
                match self {
                    $(Self::$variant => $text,)*
                }
            }
        }
    };
}

named! {
    /// A count, kept for each entity. It counts only what is committed.
    Counted {
        /// Batches loaded.
        Batches = "batches",
        /// Objects loaded, or written by an extraction.
        Objects = "objects",
        /// Compressed bytes of the objects loaded.
        Bytes = "bytes",
        /// The same bytes, decompressed.
        InflatedBytes = "inflated_bytes",
        /// Lines read: inserted + updated + unchanged + superseded + rejected.
        Lines = "lines",
        /// Rows added, to staging or core.
        Inserted = "inserted",
        /// Rows changed, in staging or core.
        Updated = "updated",
        /// Lines whose content was staged already.
        Unchanged = "unchanged",
        /// Lines beaten by a newer version.
        Superseded = "superseded",
        /// Lines refused and kept in `evo.rejects`.
        Rejected = "rejected",
        /// Objects set aside.
        SetAside = "set_aside",
        /// Documents transformed.
        Documents = "documents",
        /// Rows removed from core.
        Deleted = "deleted",
        /// Values and elements filed in `evo.issues`.
        Issues = "issues",
        /// Documents that core refused.
        Refused = "refused",
        /// Windows of an extraction that were fetched.
        Windows = "windows",
    }
}

named! {
    /// A duration. Each has a [`Histogram`](super::Histogram).
    Timed {
        /// A batch of a load, from its claim to its commit, with all its attempts.
        Batch = "batch",
        /// Of a batch: waiting for bytes of the lake.
        Lake = "lake",
        /// Of a batch: decompressing, validating, hashing and framing.
        Decode = "decode",
        /// Of a batch: waiting for the server to take the rows.
        Copy = "copy",
        /// Of a batch: the statements of the merge.
        Merge = "merge",
        /// Of a batch: waiting for the entity's turn.
        Turn = "turn",
        /// Of a batch: its rows in the ledger, and COMMIT.
        Commit = "commit",
        /// A chunk of an increment, with all its attempts.
        Chunk = "chunk",
        /// A part of a full refresh.
        Part = "part",
        /// Waiting for a connection of the pool.
        Connection = "connection",
        /// From COMMIT to its reply, of any transaction.
        CommitReply = "commit_reply",
        /// The database was unavailable.
        Outage = "outage",
    }
}

named! {
    /// A bounded channel of a load. How full it is says which side is the limit: an empty one waits for its
    /// sender, a full one for its receiver.
    Backlog {
        /// Downloaded bytes that wait to be decoded.
        Downloaded = "downloaded",
        /// Decoded rows that wait for the server.
        Decoded = "decoded",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_used_once_and_is_lowercase_with_underscores() {
        let names = [
            Counted::ALL.iter().map(|c| c.name()).collect::<Vec<_>>(),
            Timed::ALL.iter().map(|t| t.name()).collect(),
            Backlog::ALL.iter().map(|b| b.name()).collect(),
        ];
        for mut names in names {
            assert!(names.iter().all(|name| name.chars().all(|c| c.is_ascii_lowercase() || c == '_')), "{names:?}");
            let count = names.len();
            names.sort_unstable();
            names.dedup();
            assert_eq!(names.len(), count);
        }
    }
}
