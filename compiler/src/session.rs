//! What all stages of one compilation share.

use pogo_grammar::Pattern;
use pogo_plan::HostIdx;

use crate::Options;
use crate::diagnostics::{Findings, job, yaml};
use crate::resolve::model::Script;
use crate::source::{SourceId, SourceKind, SourceMap, Span};
use crate::syntax::Hosts;
use crate::syntax::ast::Job;
use crate::syntax::embed::Embedded;
use crate::syntax::hosts::NamedBy;
use crate::world::World;

/// The longest script, in bytes: it is in the plan, and goes to each host.
const MAX_SCRIPT_BYTES: usize = 1024 * 1024;

/// What all stages of one compilation share.
pub(crate) struct Session<'s> {
    pub(crate) sources: SourceMap,
    pub(crate) hosts: Hosts,
    pub(crate) findings: Findings,
    pub(crate) world: &'s dyn World,
    pub(crate) options: &'s Options,
}

impl<'s> Session<'s> {
    pub(crate) fn new(world: &'s dyn World, options: &'s Options) -> Self {
        Self {
            sources: SourceMap::default(),
            hosts: Hosts::new(options.max_pattern_hosts),
            findings: Findings::default(),
            world,
            options,
        }
    }

    /// Takes in a file; says so if it is not UTF-8. `None` if it is too large.
    pub(crate) fn add_source(&mut self, path: &str, bytes: Vec<u8>) -> Option<SourceId> {
        if u32::try_from(bytes.len()).is_err() {
            self.findings.push(yaml::too_large(path, bytes.len()));
            return None;
        }
        let (text, bad) = match String::from_utf8(bytes) {
            Ok(text) => (text, None),
            Err(error) => {
                let at = error.utf8_error().valid_up_to();
                (String::from_utf8_lossy(error.as_bytes()).into_owned(), Some(at))
            }
        };
        let length = text.len();
        let Some(id) = self.sources.add(path, text, SourceKind::File) else {
            self.findings.push(yaml::too_large(path, length));
            return None;
        };
        if let Some(at) = bad {
            let replacement = char::REPLACEMENT_CHARACTER.len_utf8();
            #[expect(clippy::cast_possible_truncation, reason = "`SourceMap::add` refuses texts of 4 GiB")]
            let span = Span::new(id, at as u32, (at + replacement) as u32);
            self.findings.push(yaml::not_utf8(span, at));
        }
        Some(id)
    }

    /// Takes in an expression of the command line under the name of its flag.
    pub(crate) fn add_flag(&mut self, flag: &str, text: &str) -> Option<SourceId> {
        self.sources.add(flag, text.to_owned(), SourceKind::Flag)
    }

    /// Whether a source is a file, and not an expression of the command line.
    pub(crate) fn is_file(&self, id: SourceId) -> bool {
        self.sources.get(id).is_some_and(|source| source.kind() == SourceKind::File)
    }

    pub(crate) fn expand(
        &mut self,
        pattern: &Pattern,
        by: NamedBy,
        text: Embedded<'_>,
        out: &mut Vec<HostIdx>,
    ) -> bool {
        self.hosts.expand(pattern, by, text, out, &mut self.findings)
    }

    /// Hosts for a message: folded, and cut short where they are many.
    pub(crate) fn fold(&self, hosts: &[HostIdx]) -> String {
        self.hosts.fold(hosts)
    }

    /// Reads the script of a job.
    pub(crate) fn script(&mut self, job: &Job) -> Option<Script> {
        let path = job.script.as_ref()?;
        let from = self.is_file(path.span.source).then(|| self.sources.path(path.span.source).to_owned());
        match self.world.script(from.as_deref(), &path.value, MAX_SCRIPT_BYTES) {
            Ok(file) if file.bytes.len() > MAX_SCRIPT_BYTES => {
                self.findings.push(job::script_too_large(&path.value, path.span, MAX_SCRIPT_BYTES));
                None
            }
            Ok(file) => {
                let name = file.path.rsplit('/').next().unwrap_or("script").to_owned();
                Some(Script { name, bytes: file.bytes })
            }
            Err(error) => {
                self.findings.push(job::script_unreadable(&path.value, path.span, &error));
                None
            }
        }
    }
}
