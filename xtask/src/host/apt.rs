//! The Debian mirror this machine already uses, read from apt's own configuration.
//!
//! Mirrors are a local matter (a company's cache, a cloud's, a proxy), so none is written down in the project.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Result, bail};

/// Names under which a Debian mirror offers a release.
const DEBIAN_SUITES: [&str; 12] = [
    "stable",
    "oldstable",
    "testing",
    "unstable",
    "sid",
    "bullseye",
    "bookworm",
    "trixie",
    "forky",
    "duke",
    "stable-updates",
    "bookworm-updates",
];

/// One place that apt fetches binary packages from.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Source {
    uri: String,
    suites: Vec<String>,
    components: Vec<String>,
}

/// The URI of the Debian mirror in apt's configuration, or the one in `DMAHEAP_MIRROR`.
pub(crate) fn mirror() -> Result<String> {
    if let Ok(mirror) = env::var("DMAHEAP_MIRROR") {
        return Ok(mirror);
    }
    let files = source_files(Path::new("/etc/apt"));
    let sources: Vec<Source> = files.iter().flat_map(|file| read_sources(file)).collect();
    match sources
        .iter()
        .find(|source| is_debian(source))
        .and_then(resolve)
    {
        Some(mirror) => Ok(mirror),
        None => bail!(
            "no Debian mirror found in {} (looked for a `deb` source with component main and a Debian suite).\n\
             Set DMAHEAP_MIRROR to the URI of one",
            if files.is_empty() {
                "/etc/apt".to_owned()
            } else {
                list(&files)
            }
        ),
    }
}

fn source_files(etc: &Path) -> Vec<PathBuf> {
    let mut files = vec![etc.join("sources.list")];
    if let Ok(entries) = fs::read_dir(etc.join("sources.list.d")) {
        let mut parts: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
        parts.retain(|path| {
            path.extension()
                .is_some_and(|extension| extension == "list" || extension == "sources")
        });
        parts.sort();
        files.extend(parts);
    }
    files.retain(|file| file.is_file());
    files
}

fn read_sources(file: &Path) -> Vec<Source> {
    let text = fs::read_to_string(file).unwrap_or_default();
    if file
        .extension()
        .is_some_and(|extension| extension == "sources")
    {
        parse_deb822(&text)
    } else {
        text.lines().filter_map(parse_one_line).collect()
    }
}

/// Parses a line such as `deb [arch=amd64 signed-by=…] URI SUITE COMPONENT…`, sources.list(5).
fn parse_one_line(line: &str) -> Option<Source> {
    let line = line.split('#').next().unwrap_or_default().trim();
    let rest = line
        .strip_prefix("deb")
        .filter(|rest| rest.starts_with([' ', '\t']))?
        .trim_start();
    let rest = match rest.strip_prefix('[') {
        Some(options) => options.split_once(']')?.1,
        None => rest,
    };
    let mut words = rest.split_whitespace().map(str::to_owned);
    Some(Source {
        uri: words.next()?,
        suites: vec![words.next()?],
        components: words.collect(),
    })
}

/// Parses the stanzas of a `.sources` file.
fn parse_deb822(text: &str) -> Vec<Source> {
    let mut sources = Vec::new();
    let mut stanza: Vec<(String, String)> = Vec::new();
    for line in text.lines().chain([""]) {
        if line.starts_with('#') {
            continue;
        }
        if line.trim().is_empty() {
            sources.extend(sources_of(&stanza));
            stanza.clear();
        } else if line.starts_with([' ', '\t']) {
            if let Some((_, value)) = stanza.last_mut() {
                value.push(' ');
                value.push_str(line.trim());
            }
        } else if let Some((name, value)) = line.split_once(':') {
            stanza.push((name.trim().to_ascii_lowercase(), value.trim().to_owned()));
        }
    }
    sources
}

fn sources_of(stanza: &[(String, String)]) -> Vec<Source> {
    let field = |name: &str| {
        stanza
            .iter()
            .find(|(key, _)| key == name)
            .map_or("", |(_, value)| value.as_str())
    };
    let words = |name: &str| {
        field(name)
            .split_whitespace()
            .map(str::to_owned)
            .collect::<Vec<_>>()
    };
    let disabled = matches!(
        field("enabled").to_ascii_lowercase().as_str(),
        "no" | "false" | "0" | "off"
    );
    if disabled || !words("types").iter().any(|kind| kind == "deb") {
        return Vec::new();
    }
    let source = |uri| Source {
        uri,
        suites: words("suites"),
        components: words("components"),
    };
    words("uris").into_iter().map(source).collect()
}

fn is_debian(source: &Source) -> bool {
    source
        .components
        .iter()
        .any(|component| component == "main")
        && source
            .suites
            .iter()
            .any(|suite| DEBIAN_SUITES.contains(&suite.trim_end_matches('/')))
        && !source.uri.starts_with("cdrom:")
}

/// A URI that works outside this machine's root, too: `mirror+file:` names a local list of mirrors, of which the first is taken.
fn resolve(source: &Source) -> Option<String> {
    let Some(path) = source.uri.strip_prefix("mirror+file:") else {
        return Some(source.uri.clone());
    };
    let list = fs::read_to_string(path.strip_prefix("//").unwrap_or(path)).ok()?;
    let first = list
        .lines()
        .map(str::trim)
        .find(|line| !line.is_empty() && !line.starts_with('#'))?;
    first.split_whitespace().next().map(str::to_owned)
}

fn list(files: &[PathBuf]) -> String {
    files
        .iter()
        .map(|file| file.display().to_string())
        .collect::<Vec<_>>()
        .join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parses_one_line_sources() {
        let source = parse_one_line(
            "deb [arch=amd64 signed-by=/a.gpg] http://mirror.test/debian bookworm main contrib # x",
        )
        .unwrap();
        assert_eq!(source.uri, "http://mirror.test/debian");
        assert_eq!(source.suites, ["bookworm"]);
        assert_eq!(source.components, ["main", "contrib"]);
        assert!(parse_one_line("deb-src http://mirror.test/debian bookworm main").is_none());
        assert!(parse_one_line("# deb http://mirror.test/debian bookworm main").is_none());
        assert!(parse_one_line("").is_none());
    }

    #[test]
    fn parses_deb822_sources() {
        let text = "# comment\nTypes: deb deb-src\nURIs: http://a.test/debian\n http://b.test/debian\n# inner\n\
                    Suites: trixie trixie-updates\nComponents: main\nSigned-By:\n -----BEGIN\n .\n\nTypes: deb\nURIs: http://c.test\n\
                    Suites: sid\nComponents: main\nEnabled: no\n";
        let sources = parse_deb822(text);
        assert_eq!(sources.len(), 2);
        assert_eq!(sources[1].uri, "http://b.test/debian");
        assert_eq!(sources[0].suites, ["trixie", "trixie-updates"]);
    }

    #[test]
    fn only_a_debian_release_with_main_is_a_debian_mirror() {
        let source =
            |uri: &str, suite: &str| parse_one_line(&format!("deb {uri} {suite} main")).unwrap();
        assert!(is_debian(&source("http://a.test/debian", "bookworm")));
        assert!(!is_debian(&source(
            "http://a.test/debian-security",
            "bookworm-security"
        )));
        assert!(!is_debian(&source("http://a.test/node", "nodistro")));
        assert!(!is_debian(&source("cdrom:[Debian]/", "bookworm")));
    }

    #[test]
    fn a_mirror_list_is_resolved_to_its_first_mirror() {
        let directory = tempfile::tempdir().unwrap();
        let list = directory.path().join("debian.list");
        fs::write(
            &list,
            "# local\nhttp://near.test/debian priority:1\nhttp://far.test/debian\n",
        )
        .unwrap();
        let source =
            parse_one_line(&format!("deb mirror+file:{} trixie main", list.display())).unwrap();
        assert_eq!(resolve(&source).as_deref(), Some("http://near.test/debian"));
    }
}
