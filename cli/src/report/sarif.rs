//! SARIF 2.1.0, as code scanning services read it.

use std::cell::RefCell;
use std::collections::{BTreeMap, HashMap};
use std::fmt::Write as _;
use std::io::{self, Write};

use pogo_compiler::diagnostics::{Code, Label};
use serde::ser::{Serialize, SerializeSeq as _, Serializer};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::{Finding, Locator, Place, shown_path, title};

/// Bytes of the marked text that go into a fingerprint.
const FINGERPRINT_TEXT: usize = 256;

/// Writes all findings, one after the other: the whole document is never in memory.
pub(super) fn write(findings: &[Finding<'_>], to: &mut dyn Write) -> io::Result<()> {
    let codes: BTreeMap<&str, &Code> =
        findings.iter().map(|finding| (finding.diagnostic.code.id, finding.diagnostic.code)).collect();
    let log = Log {
        schema: "https://json.schemastore.org/sarif-2.1.0.json",
        version: "2.1.0",
        runs: [Run {
            tool: json!({"driver": {
                "name": "pogo",
                "version": env!("CARGO_PKG_VERSION"),
                "semanticVersion": env!("CARGO_PKG_VERSION"),
                "rules": codes.values().map(|code| rule(code)).collect::<Vec<_>>(),
            }}),
            column_kind: "unicodeCodePoints",
            results: Results {
                findings,
                rules: codes.keys().enumerate().map(|(at, &id)| (id, at)).collect(),
            },
        }],
    };
    serde_json::to_writer_pretty(&mut *to, &log)?;
    to.write_all(b"\n")
}

#[derive(serde::Serialize)]
struct Log<'a> {
    #[serde(rename = "$schema")]
    schema: &'static str,
    version: &'static str,
    runs: [Run<'a>; 1],
}

#[derive(serde::Serialize)]
#[serde(rename_all = "camelCase")]
struct Run<'a> {
    tool: Value,
    column_kind: &'static str,
    results: Results<'a>,
}

struct Results<'a> {
    findings: &'a [Finding<'a>],
    rules: HashMap<&'a str, usize>,
}

impl Serialize for Results<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let locator = Locator::default();
        let seen = RefCell::default();
        let mut list = serializer.serialize_seq(Some(self.findings.len()))?;
        for finding in self.findings {
            list.serialize_element(&self.result(finding, &locator, &seen))?;
        }
        list.end()
    }
}

impl Results<'_> {
    fn result(
        &self,
        finding: &Finding<'_>,
        locator: &Locator,
        seen: &RefCell<HashMap<String, u32>>,
    ) -> Value {
        let diagnostic = finding.diagnostic;
        let text = match &diagnostic.help {
            Some(help) => format!("{}\nhelp: {help}", diagnostic.message),
            None => diagnostic.message.clone(),
        };
        let label = diagnostic.labels.first().filter(|label| label.primary);
        let mut result = json!({
            "ruleId": diagnostic.code.id,
            "ruleIndex": self.rules.get(diagnostic.code.id),
            "level": finding.severity.as_str(),
            "message": {"text": text},
            "locations": [location(finding.path, finding.place, label.map_or("", |label| &label.text))],
            "partialFingerprints": {"pogoFinding/v1": fingerprint(finding, &mut seen.borrow_mut())},
        });
        let related = diagnostic.labels.iter().filter(|label| !label.primary);
        let related: Vec<_> = related.map(|label| related_location(finding, label, locator)).collect();
        if let (false, Some(fields)) = (related.is_empty(), result.as_object_mut()) {
            fields.insert("relatedLocations".to_owned(), Value::Array(related));
        }
        result
    }
}

fn rule(code: &Code) -> Value {
    let title = title(code.page);
    json!({
        "id": code.id,
        "shortDescription": {"text": if title.is_empty() { code.id } else { title }},
        "help": {"text": code.page, "markdown": code.page},
        "defaultConfiguration": {"level": code.severity.as_str()},
    })
}

fn related_location(finding: &Finding<'_>, label: &Label, locator: &Locator) -> Value {
    let path = shown_path(finding.sources.path(label.span.source));
    location(path, locator.place(finding.sources, label.span), &label.text)
}

fn location(path: &str, place: Option<Place>, text: &str) -> Value {
    let mut physical = json!({"artifactLocation": {"uri": uri(path)}});
    if let (Some(Place { start, end }), Some(fields)) = (place, physical.as_object_mut()) {
        let region = json!({
            "startLine": start.line, "startColumn": start.column, "endLine": end.line, "endColumn": end.column,
        });
        fields.insert("region".to_owned(), region);
    }
    let mut location = json!({"physicalLocation": physical});
    if let (false, Some(fields)) = (text.is_empty(), location.as_object_mut()) {
        fields.insert("message".to_owned(), json!({"text": text}));
    }
    location
}

/// A relative path stays relative: services resolve it against the repository.
fn uri(path: &str) -> String {
    let mut uri = String::with_capacity(path.len() + 8);
    if path.starts_with('/') {
        uri.push_str("file://");
    }
    for &byte in path.trim_start_matches("./").as_bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'/' | b'-' | b'_' | b'.' | b'~' => {
                uri.push(char::from(byte));
            }
            // Writing to a string cannot fail.
            _ => {
                let _ = write!(uri, "%{byte:02X}");
            }
        }
    }
    uri
}

/// Stays the same when lines move; a second finding of the same kind, at the same text, gets its number.
fn fingerprint(finding: &Finding<'_>, seen: &mut HashMap<String, u32>) -> String {
    let marked = finding.diagnostic.primary_span().map_or("", |span| finding.sources.slice(span)).as_bytes();
    let marked = marked.get(..FINGERPRINT_TEXT).unwrap_or(marked);
    let mut hash = Sha256::new();
    for part in [finding.diagnostic.code.id.as_bytes(), finding.path.as_bytes(), marked] {
        hash.update(part);
        hash.update([0]);
    }
    let mut text = String::with_capacity(40);
    for byte in hash.finalize().iter().take(16) {
        let _ = write!(text, "{byte:02x}");
    }
    let n = seen.entry(text.clone()).or_default();
    *n += 1;
    let _ = write!(text, ":{n}");
    text
}

#[cfg(test)]
mod tests {
    use snapbox::{IntoData as _, str};

    use super::super::testing::rendered;
    use super::*;
    use crate::args::ReportFormat;

    #[test]
    fn the_document_is_as_the_schema_of_the_standard_says() {
        let text = rendered(ReportFormat::Sarif);
        // Types made from the schema: what they do not know would be missing from what they write again.
        let known: serde_sarif::sarif::Sarif = serde_json::from_str(&text).unwrap();
        assert_eq!(serde_json::to_value(known).unwrap(), serde_json::from_str::<Value>(&text).unwrap());
    }

    #[test]
    fn the_document_has_what_the_standard_requires() {
        let text = rendered(ReportFormat::Sarif);
        let log: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(log["version"], "2.1.0");
        let run = &log["runs"][0];
        assert_eq!(run["columnKind"], "unicodeCodePoints");
        let rules = run["tool"]["driver"]["rules"].as_array().unwrap();
        assert!(run["tool"]["driver"]["name"].is_string());
        let results = run["results"].as_array().unwrap();
        assert!(!results.is_empty());
        for result in results {
            assert!(result["message"]["text"].is_string());
            assert!(["error", "warning", "note"].contains(&result["level"].as_str().unwrap()));
            let rule = &rules[usize::try_from(result["ruleIndex"].as_u64().unwrap()).unwrap()];
            assert_eq!(rule["id"], result["ruleId"]);
            assert!(rule["help"]["text"].is_string());
            let related = result.get("relatedLocations").and_then(Value::as_array).into_iter().flatten();
            for location in result["locations"].as_array().unwrap().iter().chain(related) {
                let physical = &location["physicalLocation"];
                assert!(!physical["artifactLocation"]["uri"].as_str().unwrap().contains([' ', '<']));
                if let Some(region) = physical.get("region") {
                    for key in ["startLine", "startColumn", "endLine", "endColumn"] {
                        assert!(region[key].as_u64().unwrap() >= 1, "{key}");
                    }
                }
            }
        }
        let prints: std::collections::HashSet<_> = results
            .iter()
            .map(|result| result["partialFingerprints"]["pogoFinding/v1"].to_string())
            .collect();
        assert_eq!(prints.len(), results.len(), "fingerprints are distinct");
        snapbox::assert_data_eq!(
            text,
            str![[r##"
{
  "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
  "version": "2.1.0",
  "runs": [
    {
      "tool": {
        "driver": {
          "name": "pogo",
          "rules": [
            {
              "defaultConfiguration": {
                "level": "note"
              },
              "help": {
                "markdown": "# Aside\n",
                "text": "# Aside\n"
              },
              "id": "pogo::check::aside",
              "shortDescription": {
                "text": "Aside"
              }
            },
            {
              "defaultConfiguration": {
                "level": "warning"
              },
              "help": {
                "markdown": "# Odd\n",
                "text": "# Odd\n"
              },
              "id": "pogo::check::odd",
              "shortDescription": {
                "text": "Odd"
              }
            },
            {
              "defaultConfiguration": {
                "level": "error"
              },
              "help": {
                "markdown": "# A tag that is not defined\n\nWhat and why.\n",
                "text": "# A tag that is not defined\n\nWhat and why.\n"
              },
              "id": "pogo::resolve::unknown_tag",
              "shortDescription": {
                "text": "A tag that is not defined"
              }
            }
          ],
          "semanticVersion": "0.1.0",
          "version": "0.1.0"
        }
      },
      "columnKind": "unicodeCodePoints",
      "results": [
        {
          "level": "error",
          "locations": [
            {
              "message": {
                "text": "not a value of `colo`"
              },
              "physicalLocation": {
                "artifactLocation": {
                  "uri": "specs/a%20b.cfg"
                },
                "region": {
                  "endColumn": 15,
                  "endLine": 7,
                  "startColumn": 5,
                  "startLine": 7
                }
              }
            }
          ],
          "message": {
            "text": "`$colo` has no value `eats`\nhelp: did you mean `$colo.east`?"
          },
          "partialFingerprints": {
            "pogoFinding/v1": "13a644f5c6d1f476accd8bc2bd2f2871:1"
          },
          "relatedLocations": [
            {
              "message": {
                "text": "`colo` is defined here"
              },
              "physicalLocation": {
                "artifactLocation": {
                  "uri": "specs/a%20b.cfg"
                },
                "region": {
                  "endColumn": 8,
                  "endLine": 2,
                  "startColumn": 3,
                  "startLine": 2
                }
              }
            },
            {
              "message": {
                "text": "and here"
              },
              "physicalLocation": {
                "artifactLocation": {
                  "uri": "common%2C50%25%3A%C3%A9.cfg"
                },
                "region": {
                  "endColumn": 8,
                  "endLine": 2,
                  "startColumn": 3,
                  "startLine": 2
                }
              }
            }
          ],
          "ruleId": "pogo::resolve::unknown_tag",
          "ruleIndex": 2
        },
        {
          "level": "warning",
          "locations": [
            {
              "physicalLocation": {
                "artifactLocation": {
                  "uri": "specs/a%20b.cfg"
                },
                "region": {
                  "endColumn": 22,
                  "endLine": 8,
                  "startColumn": 18,
                  "startLine": 8
                }
              }
            }
          ],
          "message": {
            "text": "100% odd: <&> \"x\", \u001b[31m"
          },
          "partialFingerprints": {
            "pogoFinding/v1": "d0551864f926179c2482e2a6ce31561e:1"
          },
          "ruleId": "pogo::check::odd",
          "ruleIndex": 1
        },
        {
          "level": "warning",
          "locations": [
            {
              "physicalLocation": {
                "artifactLocation": {
                  "uri": "specs/a%20b.cfg"
                },
                "region": {
                  "endColumn": 9,
                  "endLine": 3,
                  "startColumn": 3,
                  "startLine": 2
                }
              }
            }
          ],
          "message": {
            "text": "two lines"
          },
          "partialFingerprints": {
            "pogoFinding/v1": "9d329c03b10a3dbcf8dda9daed8b6631:1"
          },
          "ruleId": "pogo::check::odd",
          "ruleIndex": 1
        },
        {
          "level": "note",
          "locations": [
            {
              "message": {
                "text": "here"
              },
              "physicalLocation": {
                "artifactLocation": {
                  "uri": "common%2C50%25%3A%C3%A9.cfg"
                },
                "region": {
                  "endColumn": 15,
                  "endLine": 3,
                  "startColumn": 11,
                  "startLine": 3
                }
              }
            }
          ],
          "message": {
            "text": "seen in the other file"
          },
          "partialFingerprints": {
            "pogoFinding/v1": "273fdfac4f580e11ea6cf33926b9c671:1"
          },
          "ruleId": "pogo::check::aside",
          "ruleIndex": 0
        },
        {
          "level": "error",
          "locations": [
            {
              "physicalLocation": {
                "artifactLocation": {
                  "uri": "specs/a%20b.cfg"
                }
              }
            }
          ],
          "message": {
            "text": "the whole file is wrong\nhelp: write another"
          },
          "partialFingerprints": {
            "pogoFinding/v1": "650f215b608d00ed11cc22a159d5a6ac:1"
          },
          "ruleId": "pogo::resolve::unknown_tag",
          "ruleIndex": 2
        }
      ]
    }
  ]
}

"##]]
            .raw()
        );
    }

    #[test]
    fn paths_become_uris() {
        assert_eq!(uri("./specs/a b.cfg"), "specs/a%20b.cfg");
        assert_eq!(uri("/srv/é"), "file:///srv/%C3%A9");
    }
}
