//! From a list of hosts back to patterns, and the order in which people expect names.

use std::cmp::Ordering;

use crate::pattern::write_runs;
use crate::range::{MAX_DIGITS, Run};

/// Folds `hosts`, in their order, into patterns: expanding these one after another gives exactly the same list again,
/// duplicates included. Hosts that ascend in one number become a range group (`web[01-08,12]`), equal groups that ascend in
/// another number before it a second one (`rack[1-2]-[1-40]`). The promise is for
/// hosts that [`check_host`](crate::host::check_host) accepts; nothing is checked here.
///
/// Takes time linear in the length of the list.
pub fn fold<'a>(hosts: impl IntoIterator<Item = &'a str>) -> Vec<String> {
    let hosts = hosts.into_iter().map(|host| Piece { head: host, tail: String::new() });
    let (mut pieces, mut changed) = pass(hosts);
    // Each pass folds one more number, from the right; the heads only become shorter, so this ends.
    while changed {
        (pieces, changed) = pass(pieces);
    }
    pieces.into_iter().map(Piece::into_text).collect()
}

/// A pattern: a part of a host's text that can still be folded, and a folded end.
struct Piece<'a> {
    head: &'a str,
    tail: String,
}

impl Piece<'_> {
    fn into_text(self) -> String {
        if self.tail.is_empty() { self.head.to_owned() } else { format!("{}{}", self.head, self.tail) }
    }
}

/// Neighbors that differ in one number only.
struct Group<'a> {
    /// The latest of them.
    latest: Piece<'a>,
    /// Where the number starts and its values, once there are two.
    numbers: Option<(usize, Vec<Run>)>,
}

fn pass<'a>(pieces: impl IntoIterator<Item = Piece<'a>>) -> (Vec<Piece<'a>>, bool) {
    let mut out = Vec::new();
    let mut changed = false;
    let mut group: Option<Group<'a>> = None;
    for piece in pieces {
        group = Some(match group.take() {
            None => Group { latest: piece, numbers: None },
            Some(group) => match group.with(piece) {
                Ok(group) => {
                    changed = true;
                    group
                }
                Err((group, piece)) => {
                    out.push(group.finish());
                    Group { latest: piece, numbers: None }
                }
            },
        });
    }
    out.extend(group.map(Group::finish));
    (out, changed)
}

impl<'a> Group<'a> {
    /// Takes `next` in, or gives both back.
    fn with(mut self, next: Piece<'a>) -> Result<Self, (Self, Piece<'a>)> {
        let Some((start, before, number)) = step(&self.latest, &next) else {
            return Err((self, next));
        };
        match &mut self.numbers {
            Some((at, _)) if *at != start => return Err((self, next)),
            Some((_, runs)) => push(runs, number),
            none => {
                let mut runs = vec![before];
                push(&mut runs, number);
                *none = Some((start, runs));
            }
        }
        self.latest = next;
        Ok(self)
    }

    fn finish(self) -> Piece<'a> {
        let Some((start, runs)) = self.numbers else { return self.latest };
        let (head, rest) = self.latest.head.split_at_checked(start).unwrap_or_default();
        let mut tail = String::new();
        // Writing to a string does not fail.
        let _ = write_runs(&mut tail, &runs);
        tail.push_str(rest.trim_start_matches(|c: char| c.is_ascii_digit()));
        tail.push_str(&self.latest.tail);
        Piece { head, tail }
    }
}

/// If `next` is `latest` with a higher number in one place: where that starts, and both numbers.
fn step(latest: &Piece<'_>, next: &Piece<'_>) -> Option<(usize, Run, Run)> {
    if latest.tail != next.tail {
        return None;
    }
    let (a, b) = (latest.head.as_bytes(), next.head.as_bytes());
    let same = a.iter().zip(b).take_while(|(a, b)| a == b).count();
    let back = a.get(..same)?.iter().rev().take_while(|b| b.is_ascii_digit()).count();
    let start = same - back;
    let (before, rest_a) = number_at(a.get(start..)?)?;
    let (after, rest_b) = number_at(b.get(start..)?)?;
    (rest_a == rest_b && before.last < after.first).then_some((start, before, after))
}

/// The number that `text` starts with, and what follows it.
fn number_at(text: &[u8]) -> Option<(Run, &[u8])> {
    let n_digits = text.iter().take_while(|b| b.is_ascii_digit()).count();
    if n_digits == 0 || n_digits > MAX_DIGITS {
        return None;
    }
    let (digits, rest) = text.split_at_checked(n_digits)?;
    let number = digits.iter().fold(0, |number, digit| number * 10 + u64::from(digit - b'0'));
    // The width is kept for an unpadded number too: 10 may follow 09.
    Some((Run { first: number, last: number, width: u8::try_from(n_digits).ok()? }, rest))
}

/// Appends a number above all in `runs`, to the last run if its text is what the run would give.
fn push(runs: &mut Vec<Run>, number: Run) {
    if let Some(run) = runs.last_mut()
        && number.first == run.last + 1
    {
        // A padded run has texts of one length, an unpadded one has texts without leading zeros.
        let fits = if is_padded(*run) { number.width == run.width } else { !is_padded(number) };
        if fits {
            run.last = number.last;
            return;
        }
    }
    runs.push(number);
}

const fn is_padded(run: Run) -> bool {
    crate::range::n_digits(run.first) < run.width as usize
}

/// Compares names as people do: numbers in them by value, so that `web9` comes before `web10`. A total order that agrees
/// with equality: names that differ only in leading zeros follow the order of their bytes.
#[must_use]
pub fn natural_cmp(a: &str, b: &str) -> Ordering {
    let (mut left, mut right) = (a.as_bytes(), b.as_bytes());
    loop {
        let (Some((x, rest_left)), Some((y, rest_right))) = (left.split_first(), right.split_first()) else {
            return left.len().cmp(&right.len()).then_with(|| a.cmp(b));
        };
        let order = if x.is_ascii_digit() && y.is_ascii_digit() {
            let (number_left, number_right);
            (number_left, left) = split_number(left);
            (number_right, right) = split_number(right);
            number_left.len().cmp(&number_right.len()).then_with(|| number_left.cmp(number_right))
        } else {
            (left, right) = (rest_left, rest_right);
            x.cmp(y)
        };
        if order.is_ne() {
            return order;
        }
    }
}

/// The digits that `text` starts with, without leading zeros, and what follows them.
fn split_number(text: &[u8]) -> (&[u8], &[u8]) {
    let n_digits = text.iter().take_while(|b| b.is_ascii_digit()).count();
    let (digits, rest) = text.split_at_checked(n_digits).unwrap_or_default();
    let n_zeros = digits.iter().take_while(|&&b| b == b'0').count();
    (digits.get(n_zeros..).unwrap_or_default(), rest)
}
