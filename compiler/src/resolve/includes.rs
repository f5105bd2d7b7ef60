//! `include`: the files that a spec takes tags and constraints from, each read once.

use crate::diagnostics::include as codes;
use crate::session::Session;
use crate::source::Span;
use crate::syntax::ast::At;
use crate::syntax::yaml::{self, Parsed};

/// A file that is waiting to be read, and how it was reached.
pub(crate) struct Pending {
    /// Who includes it: the position in [`Includes::seen`].
    from: usize,
    path: At<String>,
}

struct Seen {
    identity: String,
    path: String,
    /// The file that included it first, and where.
    from: Option<(usize, Span)>,
}

/// The files of a spec.
pub(crate) struct Includes {
    seen: Vec<Seen>,
    pending: std::collections::VecDeque<Pending>,
    missing: bool,
}

/// A file to read the sections of.
pub(crate) struct Included {
    pub(crate) parsed: Parsed,
    /// To be handed to [`Includes::push`] with what it includes itself.
    pub(crate) number: usize,
}

impl Includes {
    /// Starts from the spec itself.
    pub(crate) fn new(path: &str, identity: &str) -> Self {
        let spec = Seen { identity: identity.to_owned(), path: path.to_owned(), from: None };
        Self { seen: vec![spec], pending: std::collections::VecDeque::new(), missing: false }
    }

    /// Notes what file `from` includes.
    pub(crate) fn push(&mut self, from: usize, paths: Vec<At<String>>) {
        self.pending.extend(paths.into_iter().map(|path| Pending { from, path }));
    }

    /// Reads the next file that was not read yet.
    pub(crate) fn next(&mut self, session: &mut Session<'_>) -> Option<Included> {
        while let Some(Pending { from, path }) = self.pending.pop_front() {
            let base = self.seen.get(from).map_or("", |seen| seen.path.as_str());
            let file = match session.world.include(base, &path.value) {
                Ok(file) => file,
                Err(error) => {
                    self.missing = true;
                    session.findings.push(codes::unreadable(&path.value, path.span, &error));
                    continue;
                }
            };
            if let Some(known) = self.seen.iter().position(|seen| seen.identity == file.identity) {
                if let Some(way) = self.way(from, known) {
                    let mut steps = way;
                    steps.push((file.path.clone(), path.span));
                    session.findings.push(codes::circle(&steps));
                }
                continue;
            }
            let number = self.seen.len();
            self.seen.push(Seen {
                identity: file.identity,
                path: file.path.clone(),
                from: Some((from, path.span)),
            });
            let Some(source) = session.add_source(&file.path, file.bytes) else { continue };
            let parsed = yaml::parse(&session.sources, source, &mut session.findings);
            return Some(Included { parsed, number });
        }
        None
    }

    /// Whether a file could not be read.
    pub(crate) fn is_missing_some(&self) -> bool {
        self.missing
    }

    /// The includes that lead from file `target` to file `from`, if they do: each included path, and where.
    fn way(&self, from: usize, target: usize) -> Option<Vec<(String, Span)>> {
        let mut steps = Vec::new();
        let mut at = from;
        while at != target {
            let seen = self.seen.get(at)?;
            let (parent, span) = seen.from?;
            steps.push((seen.path.clone(), span));
            at = parent;
        }
        steps.reverse();
        Some(steps)
    }
}
