//! One finding: what is so, why it matters, and how to correct it.

/// How bad a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Gravity {
    /// A job fails.
    Breaks,
    /// Jobs work, but slower or less safely than they could.
    Advice,
    /// Worth knowing; there may be nothing to do.
    Note,
}

impl Gravity {
    /// As it is shown.
    pub fn word(self) -> &'static str {
        match self {
            Gravity::Breaks => "breaks",
            Gravity::Advice => "advice",
            Gravity::Note => "note",
        }
    }
}

/// A way to correct a finding. A line can be pasted as it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fix {
    /// SQL.
    Sql(String),
    /// SQL that gives something up, such as a prepared transaction: a person decides.
    Decision(String),
    /// A command of a shell: evo's own or Azure's.
    Shell(String),
    /// Words, where no line can be given.
    Words(String),
}

impl Fix {
    /// Its text.
    pub fn text(&self) -> &str {
        match self {
            Fix::Sql(text) | Fix::Decision(text) | Fix::Shell(text) | Fix::Words(text) => text,
        }
    }

    /// Its kind, for machines.
    pub fn kind(&self) -> &'static str {
        match self {
            Fix::Sql(_) => "sql",
            Fix::Decision(_) => "sql_to_decide",
            Fix::Shell(_) => "shell",
            Fix::Words(_) => "words",
        }
    }
}

/// One finding.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DoctorFinding {
    /// Stable name for machines: `settings.work_mem`.
    pub id: String,
    /// How bad it is.
    pub gravity: Gravity,
    /// The observation, in one line.
    pub what: String,
    /// Why it matters, in a sentence.
    pub why: String,
    /// Ways to correct it; alternatives follow each other only where each is enough.
    pub fixes: Vec<Fix>,
}

impl DoctorFinding {
    /// A finding without a fix yet.
    pub fn new(gravity: Gravity, id: impl Into<String>, what: impl Into<String>, why: impl Into<String>) -> Self {
        Self { id: id.into(), gravity, what: what.into(), why: why.into(), fixes: Vec::new() }
    }

    /// With SQL that fixes it.
    pub fn sql(mut self, line: impl Into<String>) -> Self {
        self.fixes.push(Fix::Sql(line.into()));
        self
    }

    /// With SQL that gives something up.
    pub fn decision(mut self, line: impl Into<String>) -> Self {
        self.fixes.push(Fix::Decision(line.into()));
        self
    }

    /// With a command of a shell.
    pub fn shell(mut self, line: impl Into<String>) -> Self {
        self.fixes.push(Fix::Shell(line.into()));
        self
    }

    /// With words.
    pub fn words(mut self, text: impl Into<String>) -> Self {
        self.fixes.push(Fix::Words(text.into()));
        self
    }

    /// With the fixes of a setting.
    pub(super) fn fixed_by(mut self, fixes: impl IntoIterator<Item = Fix>) -> Self {
        self.fixes.extend(fixes);
        self
    }
}
