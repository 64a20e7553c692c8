//! The findings as a page, as JSON, and as a script.

use serde_json::{Value, json};

use crate::counted::counted;
use crate::doctor::{DoctorFinding, Examination, Fix, Gravity, ServerFacts};
use crate::report::units;
use crate::visible;

/// For a person: where, what, why, and what to type.
pub(super) fn text(done: &Examination, addresses: &str) -> String {
    let mut text = addresses.to_owned();
    if let Some(server) = &done.server {
        text += &format!("\nserver    {}", server_line(server));
    }
    for finding in &done.findings {
        text += &format!("\n\n{}", paragraph(finding));
    }
    text += &format!("\n\n{}", totals(done));
    text += &format!("\nchecked: {}", done.checked.join(", "));
    for (group, reason) in &done.not_checked {
        text += &format!("\nnot checked: {group}: {}", visible::line(reason));
    }
    text
}

fn server_line(server: &ServerFacts) -> String {
    let role = if server.is_standby { "standby" } else { "primary" };
    let tls = match (server.is_encrypted, &server.tls) {
        (Some(true), Some(version)) => format!("encrypted ({version})"),
        (Some(true), None) => "encrypted".to_owned(),
        (Some(false), _) => "not encrypted".to_owned(),
        (None, _) => "encryption unknown".to_owned(),
    };
    let size = units::bytes(server.bytes);
    format!("PostgreSQL {}, {role}; database of {size}; {tls}; role {}", server.version, server.role)
}

fn paragraph(finding: &DoctorFinding) -> String {
    let mut text = format!("{:<8}{}", finding.gravity.word(), visible::line(&finding.what));
    text += &format!("\n  why   {}", visible::line(&finding.why));
    for (i, fix) in finding.fixes.iter().enumerate() {
        let label = if i == 0 { "fix" } else { "" };
        text += &format!("\n  {label:<6}{}", visible::lines(fix.text()).replace('\n', "\n        "));
    }
    text
}

fn number_of(done: &Examination, gravity: Gravity) -> u64 {
    done.findings.iter().filter(|finding| finding.gravity == gravity).count() as u64
}

fn totals(done: &Examination) -> String {
    let breaks = counted(number_of(done, Gravity::Breaks), "finding breaks jobs", "findings break jobs");
    let advice = number_of(done, Gravity::Advice);
    format!("{breaks}, {advice} advice, {}", counted(number_of(done, Gravity::Note), "note", "notes"))
}

/// For a machine.
pub(super) fn json(done: &Examination, [database, lake]: [Value; 2]) -> Value {
    json!({
        "database": database, "lake": lake, "server": done.server.as_ref().map(server_json),
        "checked": done.checked,
        "not_checked": done.not_checked.iter()
            .map(|(what, reason)| json!({ "what": what, "reason": reason })).collect::<Vec<_>>(),
        "findings": done.findings.iter().map(finding_json).collect::<Vec<_>>(),
        "breaks": number_of(done, Gravity::Breaks), "advice": number_of(done, Gravity::Advice),
        "notes": number_of(done, Gravity::Note),
    })
}

fn server_json(server: &ServerFacts) -> Value {
    json!({
        "version": server.version, "is_standby": server.is_standby, "is_azure": server.is_azure,
        "database": server.database, "database_bytes": server.bytes, "role": server.role,
        "is_encrypted": server.is_encrypted, "tls": server.tls,
    })
}

fn finding_json(finding: &DoctorFinding) -> Value {
    let fix = |fix: &Fix| json!({ "kind": fix.kind(), "line": fix.text() });
    json!({
        "id": finding.id, "gravity": finding.gravity.word(), "what": finding.what, "why": finding.why,
        "fixes": finding.fixes.iter().map(fix).collect::<Vec<_>>(),
    })
}

/// For psql: the SQL of the fixes. What is no SQL, or gives something up, is a comment.
pub(super) fn script(done: &Examination) -> String {
    let is_sql =
        |finding: &&DoctorFinding| finding.fixes.iter().any(|fix| matches!(fix, Fix::Sql(_) | Fix::Decision(_)));
    let parts: Vec<String> = done.findings.iter().filter(is_sql).map(part).collect();
    match parts.is_empty() {
        true => "-- nothing to fix with SQL".to_owned(),
        false => parts.join("\n\n"),
    }
}

fn part(finding: &DoctorFinding) -> String {
    let mut lines = vec![format!("-- {}: {}", finding.gravity.word(), visible::line(&finding.what))];
    for fix in &finding.fixes {
        let text = visible::lines(fix.text());
        lines.extend(match fix {
            Fix::Sql(_) => vec![text.into_owned()],
            // Each line: a name may hold a line feed.
            Fix::Decision(_) => text.lines().map(|line| format!("-- to decide: {line}")).collect(),
            Fix::Shell(_) | Fix::Words(_) => text.lines().map(|line| format!("-- {line}")).collect(),
        });
    }
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_script_runs_nothing_that_a_name_smuggles_in() {
        let mut done = Examination::default();
        let what = "the prepared transaction 'x\n; drop table mine; --' of app";
        let finding = DoctorFinding::new(Gravity::Breaks, "transactions.open", what, "why");
        let finding = finding.decision("rollback prepared 'x\n; drop table mine; --';").words("a\nb").shell("c \\\n d");
        done.findings.push(finding);
        let script = script(&done);
        assert!(script.lines().all(|line| line.starts_with("--")), "{script}");
        assert_eq!(script.lines().count(), 7, "{script}");
    }
}
