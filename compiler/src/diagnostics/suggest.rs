//! "Did you mean": the nearest of some names, if one is near.

/// The name nearest to `name`: the first of those with the fewest edits, if those are few for its length.
pub(crate) fn nearest<'a>(name: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let wanted: Vec<char> = name.chars().take(MAX_LENGTH).collect();
    let mut best = None;
    // One edit in three characters is a slip, and one more in a long word; beyond that it is another word.
    let mut limit = wanted.len() / 3 + usize::from(wanted.len() > 4);
    let mut rows = Rows::default();
    for candidate in candidates {
        if candidate == name || candidate.len() > 4 * MAX_LENGTH {
            continue;
        }
        let Some(distance) = rows.distance(&wanted, candidate, limit) else { continue };
        if distance < limit || (best.is_none() && distance <= limit && distance < wanted.len()) {
            limit = distance;
            best = Some(candidate);
        }
    }
    best
}

/// Longer names are not compared: nobody mistypes them.
const MAX_LENGTH: usize = 100;

/// Two rows of the table of edits, kept from one comparison to the next.
#[derive(Default)]
struct Rows {
    candidate: Vec<char>,
    before: Vec<usize>,
    last: Vec<usize>,
    now: Vec<usize>,
}

impl Rows {
    /// Insertions, deletions, replacements and swaps of neighbors that lead from one to the other; nothing if they are
    /// more than `limit`.
    fn distance(&mut self, wanted: &[char], candidate: &str, limit: usize) -> Option<usize> {
        self.candidate.clear();
        self.candidate.extend(candidate.chars());
        let candidate = &self.candidate;
        if candidate.len().abs_diff(wanted.len()) > limit {
            return None;
        }
        self.before.clear();
        self.last.clear();
        self.last.extend(0..=candidate.len());
        for (i, &from) in wanted.iter().enumerate() {
            self.now.clear();
            self.now.push(i + 1);
            let mut row_best = i + 1;
            for (j, &to) in candidate.iter().enumerate() {
                let at = |row: &[usize], index: usize| row.get(index).copied().unwrap_or(usize::MAX / 2);
                let mut cost =
                    (at(&self.last, j) + usize::from(!same(from, to))).min(at(&self.last, j + 1) + 1);
                cost = cost.min(at(&self.now, j) + 1);
                let swapped = i > 0
                    && j > 0
                    && wanted.get(i - 1).is_some_and(|&c| same(c, to))
                    && candidate.get(j - 1).is_some_and(|&c| same(c, from));
                if swapped {
                    cost = cost.min(at(&self.before, j - 1) + 1);
                }
                row_best = row_best.min(cost);
                self.now.push(cost);
            }
            if row_best > limit {
                return None;
            }
            std::mem::swap(&mut self.before, &mut self.last);
            std::mem::swap(&mut self.last, &mut self.now);
        }
        self.last.last().copied().filter(|&distance| distance <= limit)
    }
}

/// Case is no difference worth an edit.
const fn same(a: char, b: char) -> bool {
    a == b || a.eq_ignore_ascii_case(&b)
}

#[cfg(test)]
mod tests {
    use super::nearest;

    #[test]
    fn finds_slips_and_leaves_other_words_alone() {
        let tags = ["colo", "frontend", "backend"];
        assert_eq!(nearest("colr", tags), Some("colo"));
        assert_eq!(nearest("fronted", tags), Some("frontend"));
        assert_eq!(nearest("bakcend", tags), Some("backend"));
        assert_eq!(nearest("Colo", tags), Some("colo"));
        assert_eq!(nearest("database", tags), None);
        assert_eq!(nearest("db1", ["web1"]), None);
        assert_eq!(nearest("x", tags), None);
        assert_eq!(nearest("", tags), None);
    }
}
