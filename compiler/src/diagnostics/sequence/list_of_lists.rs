//! `pogo::sequence::list_of_lists`; its page is beside this file.

use crate::diagnostics::prelude::*;

pub(crate) static CODE: Code = code!(Warning, "sequence", "list_of_lists");

/// The slots of each list.
pub(crate) fn list_of_lists(at: Span, lists: &[Vec<String>]) -> Diagnostic {
    let shown: Vec<String> =
        lists.iter().take(3).map(|slots| format!("[{}]", slots.join(" then "))).collect();
    let more = if lists.len() > 3 { ", …" } else { "" };
    let example =
        lists.iter().find(|slots| !slots.is_empty()).map_or("$a, $b".to_owned(), |slots| slots.join(", "));
    Diagnostic::new(&CODE, format!("a list of lists is {} threads that run side by side, not batches one after the other", lists.len()))
        .primary(at, format!("read as {}{more} beside each other", shown.join(", ")))
        .help(format!(
            "for batches write `- \"{example}\"` as slots of one list; for threads give each list a label, as in `first: [{example}]`",
        ))
}
