//! The digest of a plan: SHA-256 over its canonical JSON, without `digest`, `origin` and every `at`.
//!
//! Canonical is as in RFC 8785: no white space, keys sorted, the shortest escapes, numbers as integers. Keys are
//! sorted by their UTF-8 bytes, which is the RFC's order for all keys that a plan has by itself. The text goes into the
//! hash in pieces and never stands in memory as a whole.

use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::{HostIdx, HostTable, Job, Limit, Plan, Slot, Thread, plan::FORMAT};

impl Plan {
    /// The digest of what the plan means: `sha256:` and 64 lower-case hexadecimal digits. The same meaning has the same
    /// digest on every machine, from every folder, with every release.
    #[must_use]
    pub fn digest(&self) -> String {
        let mut text = Canonical::default();
        text.plan(self);
        text.finish()
    }
}

/// Bytes are handed to the hash when there are this many.
const PIECE: usize = 64 * 1024;

/// Canonical JSON on its way into a hash.
#[derive(Default)]
struct Canonical {
    hash: Sha256,
    piece: Vec<u8>,
}

impl Canonical {
    fn plan(&mut self, plan: &Plan) {
        // Everything is named, so that a new field cannot be forgotten here.
        let Plan { namespace, hosts, targets, threads, limits, job, origin: _ } = plan;
        self.raw("{\"format\":");
        self.string(FORMAT);
        self.raw(",\"job\":");
        self.job(job);
        self.raw(",\"limits\":");
        self.list(limits, |text, limit| text.limit(hosts, limit));
        self.raw(",\"namespace\":");
        self.string(namespace);
        self.raw(",\"targets\":");
        self.names(hosts, targets);
        self.raw(",\"threads\":");
        self.list(threads, |text, thread| text.thread(hosts, thread));
        self.raw("}");
    }

    fn thread(&mut self, hosts: &HostTable, thread: &Thread) {
        let Thread { id, slots } = thread;
        self.raw("{\"id\":");
        self.string(id);
        self.raw(",\"slots\":");
        self.list(slots, |text, slot| text.slot(hosts, slot));
        self.raw("}");
    }

    fn slot(&mut self, table: &HostTable, slot: &Slot) {
        let Slot { id, hosts, pause_after_ms, max_failures, at: _ } = slot;
        self.raw("{\"hosts\":");
        self.names(table, hosts);
        self.raw(",\"id\":");
        self.string(id);
        if let Some(max_failures) = max_failures {
            self.raw(",\"max_failures\":");
            self.raw(&max_failures.to_string());
        }
        if let Some(pause_after_ms) = pause_after_ms {
            self.raw(",\"pause_after_ms\":");
            self.raw(&pause_after_ms.to_string());
        }
        self.raw("}");
    }

    fn limit(&mut self, hosts: &HostTable, limit: &Limit) {
        let Limit { id, max_parallel, declared, group_size, members, at: _ } = limit;
        self.raw("{\"declared\":");
        self.string(declared);
        self.raw(",\"group_size\":");
        self.raw(&group_size.to_string());
        self.raw(",\"id\":");
        self.string(id);
        self.raw(",\"max_parallel\":");
        self.raw(&max_parallel.to_string());
        self.raw(",\"members\":");
        self.names(hosts, members);
        self.raw("}");
    }

    fn job(&mut self, job: &Job) {
        // A job is small beside its hosts. Making a value of it can only fail for maps whose keys are not strings, and
        // it has none.
        self.value(&serde_json::to_value(job).unwrap_or_default());
    }

    fn value(&mut self, value: &Value) {
        match value {
            Value::Null => self.raw("null"),
            Value::Bool(true) => self.raw("true"),
            Value::Bool(false) => self.raw("false"),
            Value::Number(number) => self.raw(&number.to_string()),
            Value::String(string) => self.string(string),
            Value::Array(values) => self.list(values, Self::value),
            Value::Object(object) => {
                // serde_json sorts its maps only as long as no crate of the build asks it to keep their order.
                let mut entries: Vec<_> = object.iter().collect();
                entries.sort_unstable_by_key(|&(key, _)| key);
                self.raw("{");
                for (index, (key, value)) in entries.into_iter().enumerate() {
                    if index > 0 {
                        self.raw(",");
                    }
                    self.string(key);
                    self.raw(":");
                    self.value(value);
                }
                self.raw("}");
            }
        }
    }

    fn list<T>(&mut self, list: &[T], mut write: impl FnMut(&mut Self, &T)) {
        self.raw("[");
        for (index, part) in list.iter().enumerate() {
            if index > 0 {
                self.raw(",");
            }
            write(self, part);
        }
        self.raw("]");
    }

    fn names(&mut self, hosts: &HostTable, list: &[HostIdx]) {
        self.list(list, |text, &host| text.string(hosts.name(host)));
    }

    fn string(&mut self, string: &str) {
        self.piece.push(b'"');
        let bytes = string.as_bytes();
        // Without an early end this is a few vector instructions; nearly no string has anything to escape.
        if bytes.iter().fold(false, |found, &byte| found | needs_escape(byte)) {
            bytes.iter().for_each(|&byte| self.escaped(byte));
        } else {
            self.piece.extend_from_slice(bytes);
        }
        self.piece.push(b'"');
        self.pass_on();
    }

    fn escaped(&mut self, byte: u8) {
        match byte {
            b'"' => self.piece.extend_from_slice(b"\\\""),
            b'\\' => self.piece.extend_from_slice(b"\\\\"),
            0x08 => self.piece.extend_from_slice(b"\\b"),
            b'\t' => self.piece.extend_from_slice(b"\\t"),
            b'\n' => self.piece.extend_from_slice(b"\\n"),
            0x0c => self.piece.extend_from_slice(b"\\f"),
            b'\r' => self.piece.extend_from_slice(b"\\r"),
            _ if needs_escape(byte) => self.piece.extend_from_slice(format!("\\u{byte:04x}").as_bytes()),
            _ => self.piece.push(byte),
        }
    }

    fn raw(&mut self, text: &str) {
        self.piece.extend_from_slice(text.as_bytes());
    }

    fn pass_on(&mut self) {
        if self.piece.len() >= PIECE {
            self.hash.update(&self.piece);
            self.piece.clear();
        }
    }

    fn finish(mut self) -> String {
        self.hash.update(&self.piece);
        let mut digest = "sha256:".to_owned();
        for byte in self.hash.finalize() {
            for half in [byte >> 4, byte & 15] {
                digest.extend(char::from_digit(u32::from(half), 16));
            }
        }
        digest
    }
}

const fn needs_escape(byte: u8) -> bool {
    (byte < 0x20) | (byte == b'"') | (byte == b'\\')
}
