//! A notification at the end of a job: its summary, posted to an address.
//!
//! ```text
//! ending     how the job ended: the words and numbers of a message, and the document for a machine
//! template   a JSON document with placeholders: slack.json, teams.json, or the user's own
//! post       the request, repeated for a few seconds
//! ```

mod ending;
mod post;
mod template;

pub(super) use ending::Ending;
pub(super) use post::send;
