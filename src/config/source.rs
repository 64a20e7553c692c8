//! Sources of extractions: `[source.NAME]` in evo.toml. One source is one credential with one rate limit.

use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};
use toml::de::DeValue;
use url::Url;

use super::environment::Environment;
use super::rate::{Rate, parse_rates};
use crate::declaration::{DeclaredKey, DeclaredTable, Document, KeyShape, names};
use crate::error::{Error, Kind, Mistakes, Result};

/// Where the built-in source is when nothing says otherwise.
const BUILT_IN: Document<'static> = Document {
    file: "the built-in source",
    text: "[source.evo]\n\
           url = \"https://evo-integracao-api.w12app.com.br\"\n\
           auth = { basic = [\"EVO_USERNAME\", \"EVO_PASSWORD\"] }\n\
           limit = [\"40/min\", \"10000/h\"]\n",
};
/// The keys of `[source.NAME]`. Of the built-in source none has to be there.
pub(super) const KEYS: &[DeclaredKey] = &[
    DeclaredKey::new("url", KeyShape::Text, "base address"),
    DeclaredKey::new("auth", KeyShape::WordOrTable(&["none"], AUTH_KEYS), "how evo signs in, by names of variables"),
    DeclaredKey::new("limit", KeyShape::Texts, "rate limits that the vendor publishes, such as 40/min, or none"),
    DeclaredKey::new("zone", KeyShape::Text, "zone of the hours in a limit"),
    DeclaredKey::new("timeout", KeyShape::Text, "how long an answer may take, such as 2m"),
    DeclaredKey::new("concurrency", KeyShape::Whole(1, 64), "requests in flight at most"),
];
const AUTH_KEYS: &[DeclaredKey] = &[
    DeclaredKey::new("basic", KeyShape::Texts, "variables of user and password"),
    DeclaredKey::new("bearer", KeyShape::Text, "variable of a token"),
    DeclaredKey::new("header", KeyShape::Text, "name of a header"),
    DeclaredKey::new("value", KeyShape::Text, "variable of the header's value"),
    DeclaredKey::new("oauth2", KeyShape::Text, "address from which tokens are fetched"),
    DeclaredKey::new("client", KeyShape::Text, "variable of the client's id"),
    DeclaredKey::new("secret", KeyShape::Text, "variable of the client's secret"),
    DeclaredKey::new("scope", KeyShape::Text, "scope to ask for"),
];
/// The zone in which hours of a limit are read.
const ZONE: &str = "America/Sao_Paulo";
/// How long an answer may take.
const TIMEOUT: Duration = Duration::from_secs(120);

/// An API that records are extracted from.
#[derive(Debug, Clone)]
pub struct ApiSource {
    /// `NAME` of `[source.NAME]`.
    pub name: String,
    /// Base address. Credentials go to its document only.
    pub url: Url,
    /// Why it cannot be used; `None` if it can.
    pub fault: Option<String>,
    /// How evo signs in.
    pub auth: Auth,
    /// Rate limits, all of which hold; none where the vendor has none.
    pub rates: Vec<Rate>,
    /// Zone of the hours in `rates`.
    pub zone: String,
    /// How long an answer may take, its body included.
    pub timeout: Duration,
    /// Requests in flight at most; `None` is one for each worker.
    pub concurrency: Option<usize>,
}

/// How evo signs in at a source.
#[derive(Debug, Clone)]
pub enum Auth {
    /// No sign-in.
    None,
    /// HTTP basic authentication.
    Basic {
        /// The user's name.
        user: Secret,
        /// The user's password.
        password: Secret,
    },
    /// A token that does not change.
    Bearer(Secret),
    /// A key in a header.
    Header {
        /// The header's name.
        name: String,
        /// The header's value.
        value: Secret,
    },
    /// Tokens of OAuth 2 for client credentials.
    OAuth2(Box<OAuth2>),
}

/// A client that fetches tokens.
#[derive(Debug, Clone)]
pub struct OAuth2 {
    /// Address from which tokens are fetched.
    pub url: Url,
    /// The client's id.
    pub client: Secret,
    /// The client's secret.
    pub secret: Secret,
    /// The scope to ask for; `None` asks for none.
    pub scope: Option<String>,
}

/// A secret by the name of its variable. Debugging it shows no value.
#[derive(Debug, Clone)]
pub struct Secret {
    /// The environment variable with its value.
    pub variable: String,
    value: Option<SecretString>,
}

impl Secret {
    fn read(variable: &str, environment: &Environment) -> Self {
        // The predecessor knew these two by a second name.
        let second = match variable {
            "EVO_USERNAME" => "EVO_API_USERNAME",
            "EVO_PASSWORD" => "EVO_API_PASSWORD",
            other => other,
        };
        let value = environment.get(variable).or_else(|| environment.get(second));
        Self { variable: variable.to_owned(), value: value.map(|value| value.to_owned().into()) }
    }

    /// The secret itself, for a request.
    ///
    /// # Errors
    /// `Config` when the variable is not set.
    pub fn expose(&self) -> Result<&str> {
        self.value.as_ref().map(ExposeSecret::expose_secret).ok_or_else(|| {
            Error::new(Kind::Config, format!("the environment variable {} is not set", self.variable))
                .hint("set it; secrets are never read from a file or a command line")
        })
    }
}

impl Auth {
    fn secrets(&self) -> Vec<&Secret> {
        match self {
            Auth::None => Vec::new(),
            Auth::Basic { user, password } => vec![user, password],
            Auth::Bearer(secret) | Auth::Header { value: secret, .. } => vec![secret],
            Auth::OAuth2(oauth2) => vec![&oauth2.client, &oauth2.secret],
        }
    }
}

/// All sources: those of the settings file, and the built-in one, for what the file does not say about it.
/// `None` when one of them is wrong, with its mistakes, which name file and line.
pub(super) fn read(
    file: &str,
    text: &str,
    environment: &Environment,
    mistakes: &mut Mistakes,
) -> Option<Vec<ApiSource>> {
    let mut sources = Vec::new();
    let built_in = mistakes.keep(BUILT_IN.parse())?;
    let built_in = tables(BUILT_IN, built_in.get_ref(), mistakes)?;
    let document = Document { file, text };
    let declared = mistakes.keep(document.parse())?;
    let before = mistakes.all().len();
    let declared = tables(document, declared.get_ref(), mistakes)?;
    for (name, own) in &declared {
        let inherited = built_in.iter().find(|(other, _)| other == name).map(|(_, table)| table);
        sources.push(source(name, own, inherited, environment, mistakes));
    }
    for (name, table) in built_in.iter().filter(|(name, _)| !declared.iter().any(|(other, _)| other == name)) {
        sources.push(source(name, table, None, environment, mistakes));
    }
    sources.into_iter().collect::<Option<_>>().filter(|_| mistakes.all().len() == before)
}

/// Whether a variable holds a secret of a source.
pub(super) fn is_secret_of(sources: &[ApiSource], variable: &str) -> bool {
    sources.iter().any(|source| source.auth.secrets().iter().any(|secret| secret.variable == variable))
}

fn tables<'a>(
    document: Document<'a>,
    root: &'a toml::de::DeTable<'a>,
    mistakes: &mut Mistakes,
) -> Option<Vec<(String, DeclaredTable<'a>)>> {
    let Some((_, value)) = root.iter().find(|(name, _)| name.get_ref() == "source") else { return Some(Vec::new()) };
    let wrong = |offset: usize| {
        let message = format!("{}:{}: each source needs its own table", document.file, document.line(offset));
        Error::new(Kind::Config, message).hint("write [source.NAME]")
    };
    let DeValue::Table(sources) = value.get_ref() else {
        mistakes.add(wrong(value.span().start));
        return None;
    };
    let mut found = Vec::new();
    for (name, value) in sources {
        let DeValue::Table(table) = value.get_ref() else {
            mistakes.add(wrong(name.span().start));
            continue;
        };
        let title = format!("[source.{}]", name.get_ref());
        let table = DeclaredTable::listing(document, (&title, name.span().start), table, &names(KEYS), mistakes);
        found.push((name.get_ref().to_string(), table));
    }
    Some(found)
}

/// A source; `None` with its mistakes.
fn source(
    name: &str,
    own: &DeclaredTable<'_>,
    inherited: Option<&DeclaredTable<'_>>,
    environment: &Environment,
    mistakes: &mut Mistakes,
) -> Option<ApiSource> {
    let having = |key: &str| match inherited {
        Some(table) if !own.has(key) => table,
        _ => own,
    };
    let moved = environment.get("EVO_API_URL").filter(|_| name == "evo" && (inherited.is_none() || !own.has("url")));
    let place = mistakes.keep(place(having("url"), moved));
    let rates = mistakes.keep(rates(having("limit")));
    let timeout = mistakes.keep(timeout(own));
    let auth = mistakes.keep(auth(having("auth"), environment));
    let zone = mistakes.keep(own.text("zone"));
    let concurrency = mistakes.keep(own.whole("concurrency", 1..=64));
    let (url, fault) = place?;
    Some(ApiSource {
        name: name.to_owned(),
        url,
        fault,
        auth: auth?,
        rates: rates?,
        zone: zone?.unwrap_or(ZONE).to_owned(),
        timeout: timeout?,
        concurrency: concurrency?.and_then(|n| usize::try_from(n).ok()),
    })
}

/// The address of a source, and why it cannot be used, if so.
fn place(table: &DeclaredTable<'_>, moved: Option<&str>) -> Result<(Url, Option<String>)> {
    let declared = table.required("url")?;
    // A wrong variable of the predecessor's must not stop commands that do not extract.
    match moved.map(address) {
        Some(Ok(url)) => Ok((url, None)),
        other => {
            let url = address(declared).map_err(|expected| table.wrong("url", expected))?;
            Ok((url, other.and_then(Result::err).map(|expected| format!("EVO_API_URL must be {expected}"))))
        }
    }
}

fn rates(table: &DeclaredTable<'_>) -> Result<Vec<Rate>> {
    let texts = table.texts("limit")?.ok_or_else(|| {
        table.fault("has no limit").hint("write what the vendor publishes, such as limit = \"40/min\", or \"none\"")
    })?;
    parse_rates(&texts).map_err(|expected| table.wrong("limit", &expected))
}

fn timeout(table: &DeclaredTable<'_>) -> Result<Duration> {
    let Some(text) = table.text("timeout")? else { return Ok(TIMEOUT) };
    humantime::parse_duration(text)
        .ok()
        .filter(|time| (1..=3_600).contains(&time.as_secs()))
        .ok_or_else(|| table.wrong("timeout", "a duration from 1s to 1h"))
}

/// An address that credentials may be sent to.
fn address(text: &str) -> Result<Url, &'static str> {
    let expected = "an https address; http is for 127.0.0.1 and localhost only";
    let url = Url::parse(text).map_err(|_| expected)?;
    let is_local = matches!(url.host_str(), Some("127.0.0.1" | "localhost" | "[::1]"));
    let is_safe = url.scheme() == "https" || url.scheme() == "http" && is_local;
    if !is_safe || !url.username().is_empty() || url.password().is_some() || url.query().is_some() {
        return Err(expected);
    }
    Ok(url)
}

fn auth(table: &DeclaredTable<'_>, environment: &Environment) -> Result<Auth> {
    if table.text("auth").is_ok_and(|text| text == Some("none")) {
        return Ok(Auth::None);
    }
    let forms = "one of { basic = [USER, PASSWORD] }, { bearer = TOKEN }, { header = NAME, value = KEY }, \
                 { oauth2 = URL, client = ID, secret = SECRET }, each with names of variables, or \"none\"";
    let Some(auth) = table.table("auth", &names(AUTH_KEYS)).map_err(|e| match table.text("auth") {
        Ok(_) => table.wrong("auth", forms),
        Err(_) => e,
    })?
    else {
        return Err(table.fault("has no auth").hint(format!("write auth as {forms}")));
    };
    let one_form = || table.wrong("auth", forms);
    let secret = |name: &str| Secret::read(name, environment);
    let present: Vec<&str> = names(AUTH_KEYS).into_iter().filter(|key| auth.has(key)).collect();
    match present.as_slice() {
        ["basic"] => match auth.texts("basic")?.as_deref() {
            Some([user, password]) => Ok(Auth::Basic { user: secret(user), password: secret(password) }),
            _ => Err(one_form()),
        },
        ["bearer"] => Ok(Auth::Bearer(secret(auth.required("bearer")?))),
        ["header", "value"] => {
            Ok(Auth::Header { name: auth.required("header")?.to_owned(), value: secret(auth.required("value")?) })
        }
        ["oauth2", "client", "secret"] | ["oauth2", "client", "secret", "scope"] => {
            let url = address(auth.required("oauth2")?).map_err(|expected| auth.wrong("oauth2", expected))?;
            let (client, key) = (secret(auth.required("client")?), secret(auth.required("secret")?));
            let scope = auth.text("scope")?.map(str::to_owned);
            Ok(Auth::OAuth2(Box::new(OAuth2 { url, client, secret: key, scope })))
        }
        _ => Err(one_form()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sources(text: &str) -> Result<Vec<ApiSource>> {
        let mut mistakes = Mistakes::default();
        let environment = Environment::from([("EVO_API_USERNAME", "gym"), ("CRM_TOKEN", "hunter2")]);
        let found = read("evo.toml", text, &environment, &mut mistakes);
        mistakes.into_result(found)
    }

    fn fails(text: &str) -> String {
        let error = sources(text).expect_err(text);
        format!("{}; {}", error.message(), error.hint_text().unwrap_or_default())
    }

    #[test]
    fn the_built_in_source_needs_no_line_and_is_overridden_key_by_key() {
        let evo = sources("").unwrap().remove(0);
        assert_eq!((evo.name.as_str(), evo.url.host_str()), ("evo", Some("evo-integracao-api.w12app.com.br")));
        assert_eq!(evo.rates.len(), 2);
        let Auth::Basic { user, password } = &evo.auth else { panic!("{evo:?}") };
        assert_eq!(user.expose().unwrap(), "gym", "by its second name");
        assert!(password.expose().unwrap_err().message().contains("EVO_PASSWORD"));
        let evo = sources("[source.evo]\nurl = \"http://127.0.0.1:9\"\nlimit = \"none\"").unwrap().remove(0);
        assert_eq!((evo.url.as_str(), evo.rates.len()), ("http://127.0.0.1:9/", 0));
        assert!(matches!(evo.auth, Auth::Basic { .. }));
    }

    #[test]
    fn a_source_of_ones_own_stands_beside_it_and_shows_no_secret() {
        let text =
            "[source.crm]\nurl = \"https://api.crm.example/v3\"\nauth = { bearer = \"CRM_TOKEN\" }\nlimit = \"10/s\"";
        let all = sources(text).unwrap();
        assert_eq!(all.iter().map(|s| s.name.as_str()).collect::<Vec<_>>(), ["crm", "evo"]);
        assert!(!format!("{all:?}").contains("hunter2"));
        assert!(is_secret_of(&all, "CRM_TOKEN") && !is_secret_of(&all, "OTHER"));
    }

    #[test]
    fn every_fault_of_every_source_is_found() {
        let text = "[source.x]\nurl = \"x\"\nauth = \"none\"\nlimit = \"40\"\ntimeout = \"1d\"\n\
                    [source.y]\nurl = \"https://y.example\"\nlimits = \"none\"";
        let mut mistakes = Mistakes::default();
        assert!(read("evo.toml", text, &Environment::default(), &mut mistakes).is_none());
        let found: Vec<&str> = mistakes.all().iter().map(|e| e.message()).collect();
        let begins = |start: &str| found.iter().any(|message| message.starts_with(start));
        for start in [
            "evo.toml:8: unknown key \"limits\"",
            "evo.toml:2: url in",
            "evo.toml:4: limit in",
            "evo.toml:5: timeout in",
        ] {
            assert!(begins(start), "{start}: {found:?}");
        }
        assert!(begins("evo.toml:6: [source.y] has no limit") && begins("evo.toml:6: [source.y] has no auth"));
    }

    #[test]
    fn a_fault_names_file_line_and_what_to_write() {
        let base = "[source.x]\nurl = \"https://x.example\"\nauth = \"none\"\n";
        for (text, says) in [
            (
                format!("{base}limits = \"none\""),
                "evo.toml:4: unknown key \"limits\" in [source.x]; did you mean \"limit\"?",
            ),
            (base.to_owned(), "evo.toml:1: [source.x] has no limit"),
            (format!("{base}limit = \"40\""), "evo.toml:4: limit in [source.x] must be"),
            (
                "[source.x]\nurl = \"http://x.example\"\nlimit = \"none\"".to_owned(),
                "evo.toml:2: url in [source.x] must be an https address",
            ),
            ("[source.x]\nurl = \"https://u:p@x.example\"\nlimit = \"none\"".to_owned(), "must be an https address"),
            (
                base.replace("\"none\"", "{ basic = [\"A\"] }") + "limit = \"none\"",
                "evo.toml:3: auth in [source.x] must be one of",
            ),
            (base.replace("\"none\"", "{ bearer = \"A\", header = \"B\" }") + "limit = \"none\"", "must be one of"),
            (base.replace("\"none\"", "{ baerer = \"A\" }") + "limit = \"none\"", "did you mean \"bearer\"?"),
            ("[source]\nx = 1".to_owned(), "evo.toml:2: each source needs its own table; write [source.NAME]"),
        ] {
            let found = fails(&text);
            assert!(found.contains(says), "{says}\n{found}");
        }
    }
}
