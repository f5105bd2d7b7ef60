//! Where the line breaks of a written plan stand.
//!
//! The outermost object, and objects directly in it, have a line for each key. An object in a list starts a line.
//! Everything else stays on its line: the hosts of a slot, its `at`, `retry` of the job.

use std::io::{Result, Write};

use serde_json::ser::Formatter;

/// A list or an object that is being written.
struct Open {
    is_list: bool,
    /// Whether its parts have lines of their own.
    has_lines: bool,
    is_empty: bool,
}

/// The line breaks of a plan, as a formatter of `serde_json`.
#[derive(Default)]
pub(super) struct Layout {
    open: Vec<Open>,
    /// Columns of indentation in twos: how many of `open` have lines.
    indent: usize,
    /// A part of a list was begun that is not its first, and whether a blank or a line break comes before it is not
    /// yet known.
    needs_blank: bool,
}

impl Layout {
    fn line<W: ?Sized + Write>(&self, writer: &mut W) -> Result<()> {
        writer.write_all(b"\n")?;
        for _ in 0..self.indent {
            writer.write_all(b"  ")?;
        }
        Ok(())
    }

    fn blank<W: ?Sized + Write>(&mut self, writer: &mut W) -> Result<()> {
        if std::mem::take(&mut self.needs_blank) { writer.write_all(b" ") } else { Ok(()) }
    }

    fn begin(&mut self, is_list: bool, has_lines: bool) {
        self.indent += usize::from(has_lines);
        self.open.push(Open { is_list, has_lines, is_empty: true });
    }

    fn end<W: ?Sized + Write>(&mut self, writer: &mut W, bracket: &[u8]) -> Result<()> {
        if let Some(closed) = self.open.pop()
            && closed.has_lines
        {
            self.indent = self.indent.saturating_sub(1);
            if !closed.is_empty {
                self.line(writer)?;
            }
        }
        writer.write_all(bracket)
    }
}

impl Formatter for Layout {
    fn begin_array<W: ?Sized + Write>(&mut self, writer: &mut W) -> Result<()> {
        self.blank(writer)?;
        self.begin(true, false);
        writer.write_all(b"[")
    }

    fn end_array<W: ?Sized + Write>(&mut self, writer: &mut W) -> Result<()> {
        self.end(writer, b"]")
    }

    fn begin_array_value<W: ?Sized + Write>(&mut self, writer: &mut W, first: bool) -> Result<()> {
        if let Some(list) = self.open.last_mut() {
            list.is_empty = false;
        }
        self.needs_blank = !first;
        if first { Ok(()) } else { writer.write_all(b",") }
    }

    fn end_array_value<W: ?Sized + Write>(&mut self, _writer: &mut W) -> Result<()> {
        self.needs_blank = false;
        Ok(())
    }

    fn begin_object<W: ?Sized + Write>(&mut self, writer: &mut W) -> Result<()> {
        match self.open.last_mut() {
            Some(list) if list.is_list => {
                if !list.has_lines {
                    list.has_lines = true;
                    self.indent += 1;
                }
                self.needs_blank = false;
                self.line(writer)?;
                self.begin(false, false);
            }
            _ => self.begin(false, self.open.len() < 2),
        }
        writer.write_all(b"{")
    }

    fn end_object<W: ?Sized + Write>(&mut self, writer: &mut W) -> Result<()> {
        self.end(writer, b"}")
    }

    fn begin_object_key<W: ?Sized + Write>(&mut self, writer: &mut W, first: bool) -> Result<()> {
        if !first {
            writer.write_all(b",")?;
        }
        match self.open.last_mut() {
            Some(object) if object.has_lines => {
                object.is_empty = false;
                self.line(writer)
            }
            _ if first => Ok(()),
            _ => writer.write_all(b" "),
        }
    }

    fn begin_object_value<W: ?Sized + Write>(&mut self, writer: &mut W) -> Result<()> {
        writer.write_all(b": ")
    }

    fn begin_string<W: ?Sized + Write>(&mut self, writer: &mut W) -> Result<()> {
        if std::mem::take(&mut self.needs_blank) { writer.write_all(b" \"") } else { writer.write_all(b"\"") }
    }

    fn write_u32<W: ?Sized + Write>(&mut self, writer: &mut W, value: u32) -> Result<()> {
        self.blank(writer)?;
        write!(writer, "{value}")
    }
}
