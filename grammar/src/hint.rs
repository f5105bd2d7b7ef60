//! What to write instead of the syntax of other tools: shells, clush, pdsh, ansible.

/// For a word where an operator must stand: `and`, `or`, `-`.
pub(crate) fn operator_word(word: &str) -> Option<String> {
    let (operator, meaning) = match word.to_ascii_lowercase().as_str() {
        "and" => ("&", "an intersection"),
        "or" | "|" | "||" | "+" => (",", "a union"),
        "-" | "not" | "minus" | "except" => ("!", "a difference"),
        "xor" => ("^", "a symmetric difference"),
        _ => return None,
    };
    Some(format!("for {meaning} write `{operator}`"))
}

/// For a place where the parser got stuck between `before` and `rest`: where the mark starts and ends (nothing: it is the
/// next character) and the hint.
pub(crate) fn unexpected(before: &str, rest: &str) -> (Option<(usize, usize)>, Option<String>) {
    let word_end = rest.find([' ', '\t', '\n', '\r', ',', ')', '(']).unwrap_or(rest.len());
    let word = rest.get(..word_end).unwrap_or_default();
    let previous = before.trim_end_matches([' ', '\t', '\n', '\r']);
    let touches = previous.len() == before.len();
    if is_in_brackets(previous) {
        return (None, None);
    }
    if previous.ends_with('$') {
        return (None, Some(NO_EXPANSION.to_owned()));
    }
    if previous.ends_with('@') {
        return (None, Some("`@` takes the path of a host file; a group is `$name`".to_owned()));
    }
    let Some(found) = rest.chars().next() else { return (None, None) };
    if previous.is_empty() || previous.ends_with(['&', '!', '^', ',', '(']) {
        return (None, at_operand(previous, found));
    }
    if let Some(hint) = operator_word(word) {
        return (Some((before.len(), before.len() + word.len())), Some(hint));
    }
    let last = last_word(previous);
    if touches && last.starts_with('$') {
        return (None, behind_selector(last, found, word));
    }
    if matches!(found, '$' | '@' | '(')
        && !touches
        && let Some(hint) = operator_word(last)
    {
        // In `$web and $db` the word in the middle was taken for an argument.
        return (Some((previous.len() - last.len(), previous.len())), Some(hint));
    }
    let starts_operand = found == '$' || found == '@' || found == '(' || !touches;
    if starts_operand && !matches!(found, '&' | '!' | '^' | ',' | ')' | '"' | '\'') {
        return (None, Some("write an operator between two sets, such as `,` for both".to_owned()));
    }
    (None, quotes(found))
}

const NO_EXPANSION: &str = "`$` takes a tag's name; nothing else is expanded, neither variables nor commands";

fn quotes(found: char) -> Option<String> {
    matches!(found, '"' | '\'').then(|| "hosts need no quotes inside an expression".to_owned())
}

/// Where an operand must stand.
fn at_operand(previous: &str, found: char) -> Option<String> {
    match found {
        '&' if previous.ends_with('&') => Some("one `&` is enough".to_owned()),
        '!' | '&' | '^' if previous.is_empty() || previous.ends_with('(') => {
            Some(format!("`{found}` stands between two sets: `$all {found} $some`"))
        }
        '!' => Some("`!` stands between two sets; leave out the operator before it".to_owned()),
        '@' => Some("a host file stands only in a set expression".to_owned()),
        _ => quotes(found),
    }
}

/// Right behind a selector.
fn behind_selector(selector: &str, found: char, word: &str) -> Option<String> {
    let value = word.get(found.len_utf8()..).unwrap_or_default();
    match found {
        ':' | '/' | '=' if !value.is_empty() => Some(format!("for a value write `{selector}.{value}`")),
        '*' | '?' => {
            Some("a tag's name is written in full; `.*` behind it means each of its values".to_owned())
        }
        '[' | '{' => {
            Some("a selector takes no range: write one selector for each, with `,` between them".to_owned())
        }
        '"' if selector.ends_with('.') => Some("a value has at least one character".to_owned()),
        '"' => Some(format!("for a quoted value write `{selector}.{word}`")),
        '|' => operator_word("|"),
        _ => None,
    }
}

fn last_word(text: &str) -> &str {
    let from = text.rfind([' ', '\t', '\n', '\r', ',', '&', '!', '^', '(']).map_or(0, |at| at + 1);
    text.get(from..).unwrap_or_default()
}

/// Whether the end of `text` stands inside `[` or `{`. Only the last word is looked at: it is a hint's concern.
fn is_in_brackets(text: &str) -> bool {
    let close = text.rfind([']', '}']);
    text.rfind(['[', '{']).is_some_and(|open| close.is_none_or(|close| close < open))
}

/// For a character in a host that no host has; `before` is the pattern up to it, `rest` the literal from it on.
pub(crate) fn literal(before: &str, rest: &str) -> Option<String> {
    let found = rest.chars().next()?;
    let name = rest.get(found.len_utf8()..).unwrap_or_default();
    match found {
        '*' | '?' => Some(
            "there are no wildcards: write a range such as `web[1-9]`, or a selector such as `$web`"
                .to_owned(),
        ),
        '|' => operator_word("|"),
        '%' | '~' if before.is_empty() && !name.is_empty() => Some(format!("for a group write `${name}`")),
        '$' => Some("a selector stands on its own, with an operator such as `&` before it".to_owned()),
        _ => None,
    }
}

/// For `{1..3}`, which a shell expands.
pub(crate) fn alternatives(text: &str) -> Option<(Option<char>, Option<String>)> {
    let inside = text.get(1..text.len().saturating_sub(1))?;
    let (first, last) = inside.split_once("..")?;
    if is_number(first) && is_number(last) {
        return Some((Some('.'), Some(format!("for a range write `[{first}-{last}]`"))));
    }
    letters(first, last).map(|all| (Some('.'), Some(format!("for alternatives write `{all}`"))))
}

/// For an item of a range group that is not made of numbers; `inside` is the whole text between the brackets.
pub(crate) fn range_item(first: &str, last: Option<&str>, inside: &str) -> Option<String> {
    if let Some(last) = last {
        return letters(first, last).map(|all| format!("for alternatives write `{all}`"));
    }
    if let Some((low, high)) = first.split_once("..").or_else(|| first.split_once(':'))
        && is_number(low)
        && is_number(high)
    {
        return Some(format!("for a range write `[{low}-{high}]`"));
    }
    if let Some((low, high)) = first.split_once(':')
        && let Some(all) = letters(low, high)
    {
        return Some(format!("for alternatives write `{all}`"));
    }
    let is_word = |word: &str| {
        let word = word.trim_matches([' ', '\t', '\n', '\r']);
        !word.is_empty() && !is_number(word) && word.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
    };
    inside.split(',').all(is_word).then(|| format!("for alternatives write `{{{inside}}}`"))
}

fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit())
}

/// `{a,b,c}` for `a` and `c`.
fn letters(first: &str, last: &str) -> Option<String> {
    let one = |text: &str| match text.as_bytes() {
        [letter] if letter.is_ascii_alphabetic() => Some(*letter),
        _ => None,
    };
    let (first, last) = (one(first)?, one(last)?);
    if first > last || first.is_ascii_lowercase() != last.is_ascii_lowercase() {
        return None;
    }
    let all: Vec<String> = (first..=last).map(|letter| char::from(letter).to_string()).collect();
    Some(format!("{{{}}}", all.join(",")))
}
