//! What stands between `[` and `]`: numbers, ranges and exclusions, reduced to runs.

use std::fmt;

use crate::{Span, SyntaxError, SyntaxErrorKind};

/// The most digits a number may have: the largest such number fits an `u64` with room to add one.
pub(crate) const MAX_DIGITS: usize = 18;

/// Consecutive numbers written with at least `width` digits. INVARIANT: `width` is 0 unless `first` has fewer digits, so
/// that equal runs mean equal texts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Run {
    pub(crate) first: u64,
    pub(crate) last: u64,
    pub(crate) width: u8,
}

impl Run {
    fn new(first: u64, last: u64, width: u8) -> Self {
        let width = if n_digits(first) < usize::from(width) { width } else { 0 };
        Self { first, last, width }
    }

    pub(crate) const fn len(self) -> u64 {
        self.last - self.first + 1
    }
}

impl fmt::Display for Run {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let width = usize::from(self.width);
        write!(f, "{:0width$}", self.first)?;
        if self.last > self.first {
            write!(f, "-{:0width$}", self.last)?;
        }
        Ok(())
    }
}

pub(crate) const fn n_digits(number: u64) -> usize {
    match number.checked_ilog10() {
        Some(log) => log as usize + 1,
        None => 1,
    }
}

/// One item as written.
#[derive(Debug)]
pub(crate) struct Item {
    pub(crate) excluded: bool,
    pub(crate) run: Run,
    pub(crate) span: Span,
}

impl Item {
    /// The item `first` or `first-last`, padded to the wider bound as soon as either has a leading zero.
    pub(crate) fn new(
        excluded: bool,
        first: &str,
        last: Option<&str>,
        span: Span,
    ) -> Result<Self, SyntaxError> {
        let error = |kind| SyntaxError { span, kind };
        let read = |text: &str| -> Result<u64, SyntaxError> {
            if text.is_empty() || !text.bytes().all(|b| b.is_ascii_digit()) {
                return Err(error(SyntaxErrorKind::NotANumber(text.to_owned())));
            }
            if text.len() > MAX_DIGITS {
                return Err(error(SyntaxErrorKind::NumberTooLarge));
            }
            text.parse().map_err(|_| error(SyntaxErrorKind::NumberTooLarge))
        };
        let is_padded = |text: &str| text.len() > 1 && text.starts_with('0');
        let (low, end) = (read(first)?, last.unwrap_or(first));
        let high = read(end)?;
        if low > high {
            let kind = SyntaxErrorKind::ReversedRange { first: first.to_owned(), last: end.to_owned() };
            return Err(error(kind));
        }
        let width = if is_padded(first) || is_padded(end) { first.len().max(end.len()) } else { 0 };
        Ok(Self { excluded, run: Run::new(low, high, u8::try_from(width).unwrap_or(0)), span })
    }
}

/// The runs that `items` leave, in the order written. Takes time by the number of items, never by that of numbers.
pub(crate) fn runs(items: &[Item], group: Span) -> Result<Box<[Run]>, SyntaxError> {
    check_duplicates(items)?;
    let excluded = merged_exclusions(items);
    let mut runs = Vec::new();
    for item in items.iter().filter(|item| !item.excluded) {
        let Run { first: mut next, last, width } = item.run;
        let from = excluded.partition_point(|&(_, end)| end < next);
        for &(start, end) in excluded.get(from..).unwrap_or_default() {
            if start > last || next > last {
                break;
            }
            if start > next {
                runs.push(Run::new(next, start - 1, width));
            }
            next = end + 1;
        }
        if next <= last {
            runs.push(Run::new(next, last, width));
        }
    }
    if runs.is_empty() {
        return Err(SyntaxError { span: group, kind: SyntaxErrorKind::EmptyGroup });
    }
    Ok(runs.into())
}

/// A number is written once, whatever its padding: exclusions go by number too.
fn check_duplicates(items: &[Item]) -> Result<(), SyntaxError> {
    let mut included: Vec<&Item> = items.iter().filter(|item| !item.excluded).collect();
    included.sort_by_key(|item| item.run.first);
    let mut widest: Option<&Item> = None;
    let mut found: Option<(&Item, u64)> = None;
    for item in included {
        if let Some(before) = widest
            && item.run.first <= before.run.last
        {
            // The one to change is the one written later, and the first such one is reported.
            let later = if before.span.start > item.span.start { before } else { item };
            if found.is_none_or(|(earlier, _)| later.span.start < earlier.span.start) {
                found = Some((later, item.run.first));
            }
        }
        if widest.is_none_or(|before| item.run.last > before.run.last) {
            widest = Some(item);
        }
    }
    match found {
        Some((item, number)) => {
            let width = usize::from(item.run.width);
            let kind = SyntaxErrorKind::DuplicateNumber(format!("{number:0width$}"));
            Err(SyntaxError { span: item.span, kind })
        }
        None => Ok(()),
    }
}

/// The excluded numbers as ascending ranges that do not touch.
fn merged_exclusions(items: &[Item]) -> Vec<(u64, u64)> {
    let mut excluded: Vec<(u64, u64)> =
        items.iter().filter(|item| item.excluded).map(|item| (item.run.first, item.run.last)).collect();
    excluded.sort_unstable();
    excluded.dedup_by(|next, before| {
        let touches = next.0 <= before.1 + 1;
        if touches {
            before.1 = before.1.max(next.1);
        }
        touches
    });
    excluded
}
