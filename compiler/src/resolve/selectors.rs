//! From `$colo.east` to the tag's value.

use super::sets::Resolver;
use super::tags::{TagId, Tags};
use crate::diagnostics::{resolve as codes, suggest};
use crate::syntax::ast::SelectorPart;

/// Why a name leads nowhere.
pub(crate) enum NotFound {
    /// No tag has the name.
    Tag,
    /// The value with this number in the path is none of the values of this tag.
    Value(usize, TagId),
}

/// The tag or value that a selector's part names.
pub(crate) fn find(tags: &Tags, part: &SelectorPart) -> Result<TagId, NotFound> {
    let mut at = tags.root(&part.name.value).ok_or(NotFound::Tag)?;
    for (index, value) in part.values.iter().enumerate() {
        at = tags
            .child(at, &value.text.value)
            // `"1.10"` also finds what the plain key `1.10` nested.
            .or_else(|| value.quoted.then(|| nested(tags, at, &value.text.value)).flatten())
            .ok_or(NotFound::Value(index, at))?;
    }
    Ok(at)
}

fn nested(tags: &Tags, from: TagId, dotted: &str) -> Option<TagId> {
    dotted.split('.').try_fold(from, |at, name| tags.child(at, name))
}

impl Resolver<'_, '_> {
    /// The tag or value that a selector's part names; says so if there is none.
    pub(crate) fn lookup(&mut self, part: &SelectorPart) -> Option<TagId> {
        match find(&self.tags, part) {
            Ok(id) => Some(id),
            // What broke off may well have defined it.
            Err(_) if !self.is_complete => None,
            Err(NotFound::Tag) => {
                let name = &part.name.value;
                let names: Vec<String> = self
                    .tags
                    .roots()
                    .iter()
                    .filter_map(|&id| Some(self.tags.get(id)?.name.clone()))
                    .collect();
                let near = suggest::nearest(name, names.iter().map(String::as_str));
                // `$est` for `$colo.east` is a value without its tag.
                let as_value = self
                    .tags
                    .iter()
                    .find(|(_, node)| node.name == *name)
                    .map(|(id, _)| self.tags.selector(id));
                self.session.findings.push(codes::unknown_tag(
                    name,
                    part.span,
                    near,
                    as_value.as_deref(),
                    &names,
                ));
                None
            }
            Err(NotFound::Value(index, within)) => {
                let value = part.values.get(index)?;
                let names: Vec<String> = self
                    .tags
                    .children(within)
                    .iter()
                    .filter_map(|&id| Some(self.tags.get(id)?.name.clone()))
                    .collect();
                let near = suggest::nearest(&value.text.value, names.iter().map(String::as_str));
                let quoted = self.quoted_value(part);
                let owner = self.tags.selector(within);
                let finding = codes::unknown_value(
                    &value.text.value,
                    value.text.span,
                    &owner,
                    near,
                    quoted.as_deref(),
                    &names,
                );
                self.session.findings.push(finding);
                None
            }
        }
    }

    /// If two or more steps of a selector are one value with a dot in it: the selector up to it, in quotes.
    fn quoted_value(&self, part: &SelectorPart) -> Option<String> {
        let mut at = self.tags.root(&part.name.value)?;
        for start in 0..part.values.len() {
            let rest: Vec<&str> =
                part.values.iter().skip(start).map(|value| value.text.value.as_str()).collect();
            let dotted = (2..=rest.len()).rev().filter_map(|length| Some(rest.get(..length)?.join(".")));
            if let Some(found) = dotted.into_iter().find_map(|dotted| self.tags.child(at, &dotted)) {
                return Some(self.tags.selector(found));
            }
            at = self.tags.child(at, rest.first()?)?;
        }
        None
    }
}
