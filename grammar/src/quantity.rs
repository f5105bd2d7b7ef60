//! Limits, durations and sizes.

use pest::Parser as _;
use pest::iterators::Pair;

use self::rules::{QuantityParser, Rule};
use crate::{Span, SyntaxError, SyntaxErrorKind};

mod rules {
    #[derive(pest_derive::Parser)]
    #[grammar = "quantity.pest"]
    pub(super) struct QuantityParser;
}

/// A number of hosts, absolute or as a share of a group.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Share {
    /// So many hosts.
    Count(u32),
    /// So many percent of the group's hosts: 1 to 100.
    Percent(u32),
}

impl Share {
    /// How many of `total` hosts that is: a count as it is, a percentage rounded down and at least 1.
    #[must_use]
    pub fn of(self, total: u32) -> u32 {
        match self {
            Self::Count(count) => count,
            Self::Percent(percent) => {
                let hosts = u64::from(total) * u64::from(percent) / 100;
                u32::try_from(hosts).unwrap_or(u32::MAX).max(1)
            }
        }
    }
}

impl std::fmt::Display for Share {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Count(count) => write!(f, "{count}"),
            Self::Percent(percent) => write!(f, "{percent}%"),
        }
    }
}

const SHARE_HELP: &str = "write a number of hosts or a percentage, such as `2` or `25%`";
const DURATION_HELP: &str = "write a number and a unit, such as `500ms`, `90s`, `10m`, `1h30m` or `2d`";
const SIZE_HELP: &str = "write a number and a unit, such as `512B`, `64KiB` or `1MiB`";

/// Parses `N` or `N%`. A count is at least `min` (0 where "none" makes sense, else 1); a percentage is 1 to 100.
///
/// # Errors
/// `Quantity` over the whole of `text`.
pub fn parse_share(text: &str, min: u32) -> Result<Share, SyntaxError> {
    let error = |problem, help: &str| quantity(Span::at(0, text.len()), problem, help);
    let Some(pair) = run(Rule::share, text) else {
        return Err(match_problem(text, "a limit", SHARE_HELP));
    };
    let mut digits = "";
    let mut is_percent = false;
    for pair in pair.into_inner() {
        match pair.as_rule() {
            Rule::number => digits = pair.as_str(),
            Rule::percent => is_percent = true,
            _ => {}
        }
    }
    if digits.len() > 1 && digits.starts_with('0') {
        let plain = digits.trim_start_matches('0');
        let sign = if is_percent { "%" } else { "" };
        let help = if plain.is_empty() { SHARE_HELP.to_owned() } else { format!("write `{plain}{sign}`") };
        return Err(error("a limit has no leading zero", &help));
    }
    match (digits.parse::<u32>(), is_percent) {
        (Ok(percent @ 1..=100), true) => Ok(Share::Percent(percent)),
        (_, true) => Err(error("a percentage is a whole number from 1 to 100", SHARE_HELP)),
        (Ok(count), false) if count >= min => Ok(Share::Count(count)),
        (Ok(0), false) => Err(error("a limit of no host at all lets nothing run", SHARE_HELP)),
        (Ok(_), false) => Err(error("the number of hosts is too small", SHARE_HELP)),
        (Err(_), false) => Err(error("the number of hosts is too large", SHARE_HELP)),
    }
}

/// Parses a duration such as `1h30m` into milliseconds: whole numbers with the units `d`, `h`, `m`, `s`, `ms`, each at most
/// once, the longest first.
///
/// # Errors
/// `Quantity`; its span covers the number and unit that are wrong, or the whole of `text`.
pub fn parse_duration(text: &str) -> Result<u64, SyntaxError> {
    let Some(pair) = run(Rule::duration, text) else {
        if is_number(text) {
            let help = format!("write `{text}s` for seconds or `{text}m` for minutes");
            return Err(quantity(Span::at(0, text.len()), "a duration needs a unit", &help));
        }
        return Err(match_problem(text, "a duration", DURATION_HELP));
    };
    let mut total: u64 = 0;
    let mut before = u64::MAX;
    for (number, unit, span) in numbers(pair) {
        let Some(factor) = duration_unit(unit) else {
            let help = match duration_guess(unit) {
                Some(right) => format!("write `{number}{right}`"),
                None => DURATION_HELP.to_owned(),
            };
            return Err(quantity(span, "the units of a duration are `d`, `h`, `m`, `s` and `ms`", &help));
        };
        if factor == before {
            return Err(quantity(span, "a unit stands once in a duration", DURATION_HELP));
        }
        if factor > before {
            return Err(quantity(span, "the units of a duration go from long to short", DURATION_HELP));
        }
        before = factor;
        total = number
            .parse::<u64>()
            .ok()
            .and_then(|number| number.checked_mul(factor))
            .and_then(|value| value.checked_add(total))
            .ok_or_else(|| quantity(Span::at(0, text.len()), "the duration is too long", DURATION_HELP))?;
    }
    Ok(total)
}

/// Parses a size such as `64KiB` into bytes: a whole number with one of the units `B`, `KiB`, `MiB`, `GiB`, `TiB` (powers of
/// 1024) or `kB` (also `KB`), `MB`, `GB`, `TB` (powers of 1000).
///
/// # Errors
/// `Quantity`; its span covers the whole of `text`.
pub fn parse_size(text: &str) -> Result<u64, SyntaxError> {
    let error = |problem, help: &str| quantity(Span::at(0, text.len()), problem, help);
    let Some(pair) = run(Rule::size, text) else {
        if is_number(text) {
            let help = format!("write `{text}B` for bytes or `{text}KiB`");
            return Err(error("a size needs a unit", &help));
        }
        return Err(match_problem(text, "a size", SIZE_HELP));
    };
    let Some((number, unit, _)) = numbers(pair).into_iter().next() else {
        return Err(error("a size is a number and a unit", SIZE_HELP));
    };
    let Some(factor) = size_unit(unit) else {
        let help = match size_guess(unit) {
            Some(right) => format!("write `{number}{right}`"),
            None => SIZE_HELP.to_owned(),
        };
        return Err(error("the units of a size are `B`, `KiB`, `MiB`, `GiB`, `KB`, `MB` and `GB`", &help));
    };
    number
        .parse::<u64>()
        .ok()
        .and_then(|number| number.checked_mul(factor))
        .ok_or_else(|| error("the size is too large", SIZE_HELP))
}

fn run(rule: Rule, text: &str) -> Option<Pair<'_, Rule>> {
    QuantityParser::parse(rule, text).ok()?.next()
}

/// The numbers and units of a duration or size, and where each two stand.
fn numbers(pair: Pair<'_, Rule>) -> Vec<(&str, &str, Span)> {
    let mut found = Vec::new();
    let mut number = None;
    for pair in pair.into_inner() {
        let span = pair.as_span();
        match pair.as_rule() {
            Rule::number => number = Some((pair.as_str(), span.start())),
            Rule::unit => {
                if let Some((number, start)) = number.take() {
                    found.push((number, pair.as_str(), Span::at(start, span.end())));
                }
            }
            _ => {}
        }
    }
    found
}

fn duration_unit(unit: &str) -> Option<u64> {
    Some(match unit {
        "d" => 86_400_000,
        "h" => 3_600_000,
        "m" => 60_000,
        "s" => 1000,
        "ms" => 1,
        _ => return None,
    })
}

/// What a unit that is none was meant to be.
fn duration_guess(unit: &str) -> Option<&'static str> {
    Some(match unit.to_ascii_lowercase().as_str() {
        "day" | "days" | "d" => "d",
        "hour" | "hours" | "hr" | "hrs" | "h" => "h",
        "min" | "mins" | "minute" | "minutes" => "m",
        "sec" | "secs" | "second" | "seconds" | "s" => "s",
        "msec" | "msecs" | "millis" | "millisecond" | "milliseconds" => "ms",
        _ => return None,
    })
}

fn size_unit(unit: &str) -> Option<u64> {
    Some(match unit {
        "B" => 1,
        "KiB" => 1 << 10,
        "MiB" => 1 << 20,
        "GiB" => 1 << 30,
        "TiB" => 1 << 40,
        "kB" | "KB" => 1000,
        "MB" => 1_000_000,
        "GB" => 1_000_000_000,
        "TB" => 1_000_000_000_000,
        _ => return None,
    })
}

fn size_guess(unit: &str) -> Option<&'static str> {
    Some(match unit.to_ascii_lowercase().as_str() {
        "b" | "byte" | "bytes" => "B",
        "k" | "ki" | "kib" => "KiB",
        "m" | "mi" | "mib" => "MiB",
        "g" | "gi" | "gib" => "GiB",
        "t" | "ti" | "tib" => "TiB",
        "kb" => "KB",
        "mb" => "MB",
        "gb" => "GB",
        "tb" => "TB",
        _ => return None,
    })
}

fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit())
}

/// The reason why `text` has not the form of a quantity.
fn match_problem(text: &str, what: &'static str, help: &str) -> SyntaxError {
    let without_space: String = text.split_whitespace().collect();
    let problem = if without_space.is_empty() {
        match what {
            "a limit" => "a limit is missing",
            "a duration" => "a duration is missing",
            _ => "a size is missing",
        }
    } else if without_space.len() < text.len() {
        let help = format!("write `{without_space}`");
        return quantity(Span::at(0, text.len()), "there is no space in a quantity", &help);
    } else if text.starts_with(['+', '-']) {
        "a quantity has no sign"
    } else if text.bytes().any(|b| b.is_ascii_digit()) && text.contains(['.', ',']) {
        "a quantity is a whole number, without fraction or separator"
    } else {
        match what {
            "a limit" => "this is no number of hosts and no percentage",
            "a duration" => "this is no duration",
            _ => "this is no size",
        }
    };
    quantity(Span::at(0, text.len()), problem, help)
}

fn quantity(span: Span, problem: &'static str, help: &str) -> SyntaxError {
    SyntaxError { span, kind: SyntaxErrorKind::Quantity { problem, help: help.to_owned() } }
}
