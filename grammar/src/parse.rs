//! From the parser's pairs to nodes, with the judgments that a grammar cannot pass.

use std::net::Ipv6Addr;

use pest::Parser as _;
use pest::error::{ErrorVariant, InputLocation};
use pest::iterators::{Pair, Pairs};

use self::rules::{Rule, SetParser};
use crate::pattern::{MAX_GROUPS, Part, n_groups};
use crate::range::{self, Item};
use crate::{
    Call, Expr, ExprKind, PathItem, Pattern, Selector, SelectorPart, SetOp, Span, Spanned, SyntaxError,
    SyntaxErrorKind, hint, host, scan,
};

mod rules {
    #[derive(pest_derive::Parser)]
    #[grammar = "set.pest"]
    pub(super) struct SetParser;
}

/// Parses a set expression.
pub(crate) fn expression(text: &str) -> Result<Expr, SyntaxError> {
    let pair = run(Rule::expression_text, text)?;
    chain(pair.into_inner(), text)
}

/// Parses a host pattern.
pub(crate) fn pattern(text: &str) -> Result<Pattern, SyntaxError> {
    let pair = run(Rule::pattern_text, text)?;
    let pair = inner(pair, Rule::pattern).ok_or_else(|| nothing(text))?;
    build_pattern(pair)
}

/// Parses a selector.
pub(crate) fn selector(text: &str) -> Result<Selector, SyntaxError> {
    let pair = run(Rule::selector_text, text)?;
    let pair = inner(pair, Rule::selector).ok_or_else(|| nothing(text))?;
    Ok(build_selector(pair))
}

fn run(rule: Rule, text: &str) -> Result<Pair<'_, Rule>, SyntaxError> {
    if text.bytes().all(scan::is_space) {
        return Err(nothing(text));
    }
    scan::check_brackets(text)?;
    let mut pairs = SetParser::parse(rule, text).map_err(|error| unexpected(text, &error))?;
    pairs.next().ok_or_else(|| nothing(text))
}

fn nothing(text: &str) -> SyntaxError {
    SyntaxError { span: Span::at(0, text.len()), kind: SyntaxErrorKind::Empty }
}

fn unexpected(text: &str, error: &pest::error::Error<Rule>) -> SyntaxError {
    let at = match error.location {
        InputLocation::Pos(at) | InputLocation::Span((at, _)) => at,
    };
    let mut expected = Vec::new();
    if let ErrorVariant::ParsingError { positives, .. } = &error.variant {
        for words in positives.iter().filter_map(|&rule| words(rule)) {
            if !expected.contains(&words) {
                expected.push(words);
            }
        }
    }
    // "The end" reads best behind what may go on.
    expected.sort_by_key(|&words| words == THE_END);
    let (before, rest) = text.split_at_checked(at).unwrap_or((text, ""));
    let (mark, hint) = hint::unexpected(before, rest);
    let (start, end) = mark.unwrap_or((at, at + rest.chars().next().map_or(0, char::len_utf8)));
    let found = text.get(start..).and_then(|rest| rest.chars().next());
    SyntaxError { span: Span::at(start, end), kind: SyntaxErrorKind::Unexpected { found, expected, hint } }
}

const THE_END: &str = "the end";

/// What users call a rule; `None` for rules that are never the thing expected.
const fn words(rule: Rule) -> Option<&'static str> {
    Some(match rule {
        Rule::operator => "an operator (`&`, `!`, `^` or `,`)",
        Rule::group => "`(`",
        Rule::close_paren => "`)`",
        Rule::close_bracket => "`]`",
        Rule::close_brace => "`}`",
        Rule::comma => "`,`",
        Rule::dash => "`-`",
        Rule::selector | Rule::part | Rule::call => "a selector such as `$tag`",
        Rule::name => "a tag's name",
        Rule::value | Rule::quoted => "a tag's value",
        Rule::each => "`*`",
        Rule::argument | Rule::single_quoted | Rule::double_quoted | Rule::escaped | Rule::bare => {
            "an argument"
        }
        Rule::file | Rule::path | Rule::quoted_path => "a host file such as `@hosts.txt`",
        Rule::pattern | Rule::literal | Rule::range | Rule::alternatives | Rule::alternative => {
            "a host pattern"
        }
        Rule::item | Rule::bound => "a number",
        Rule::except => "`!`",
        Rule::expression_text | Rule::operand | Rule::chain => "a set of hosts",
        Rule::pattern_text => "a host pattern",
        Rule::selector_text => "a selector such as `$tag`",
        Rule::EOI => THE_END,
        Rule::space | Rule::stop | Rule::piece => return None,
    })
}

fn span(pair: &Pair<'_, Rule>) -> Span {
    let span = pair.as_span();
    Span::at(span.start(), span.end())
}

fn inner(pair: Pair<'_, Rule>, rule: Rule) -> Option<Pair<'_, Rule>> {
    pair.into_inner().find(|pair| pair.as_rule() == rule)
}

/// Builds what `operand (operator operand)*` gives; calls itself once for each open parenthesis.
fn chain(pairs: Pairs<'_, Rule>, text: &str) -> Result<Expr, SyntaxError> {
    let mut operands = Vec::new();
    let mut operators = Vec::new();
    for pair in pairs {
        let span = span(&pair);
        let kind = match pair.as_rule() {
            Rule::operator => {
                operators.push((operator(pair.as_str()), span));
                continue;
            }
            Rule::group => ExprKind::Group(Box::new(chain(pair.into_inner(), text)?)),
            Rule::call => ExprKind::Call(build_call(pair)?),
            Rule::selector => ExprKind::Selector(build_selector(pair)),
            Rule::file => ExprKind::File(build_file(pair)),
            Rule::pattern => ExprKind::Pattern(build_pattern(pair)?),
            _ => continue,
        };
        operands.push(Expr { span, kind });
    }
    for op in [SetOp::Intersection, SetOp::Difference, SetOp::SymmetricDifference, SetOp::Union] {
        if operators.iter().any(|&(other, _)| other == op) {
            (operands, operators) = join(operands, operators, op);
        }
    }
    operands.pop().ok_or_else(|| nothing(text))
}

fn operator(text: &str) -> SetOp {
    match text {
        "&" => SetOp::Intersection,
        "!" => SetOp::Difference,
        "^" => SetOp::SymmetricDifference,
        _ => SetOp::Union,
    }
}

/// Puts the operands that stand under `op` into one chain each; what is left stands under the looser operators.
fn join(operands: Vec<Expr>, operators: Vec<(SetOp, Span)>, op: SetOp) -> (Vec<Expr>, Vec<(SetOp, Span)>) {
    let mut joined = Vec::new();
    let mut left = Vec::new();
    let mut run = Vec::new();
    let mut op_spans = Vec::new();
    let mut operators = operators.into_iter();
    for operand in operands {
        run.push(operand);
        match operators.next() {
            Some((next, span)) if next == op => op_spans.push(span),
            next => {
                joined.extend(one_chain(std::mem::take(&mut run), std::mem::take(&mut op_spans), op));
                left.extend(next);
            }
        }
    }
    (joined, left)
}

fn one_chain(mut operands: Vec<Expr>, op_spans: Vec<Span>, op: SetOp) -> Option<Expr> {
    if operands.len() < 2 {
        return operands.pop();
    }
    let span = Span::new(operands.first()?.span.start, operands.last()?.span.end);
    Some(Expr { span, kind: ExprKind::Chain { op, operands, op_spans } })
}

fn text_of(pair: &Pair<'_, Rule>) -> Spanned<String> {
    Spanned::new(pair.as_str().to_owned(), span(pair))
}

fn build_selector(pair: Pair<'_, Rule>) -> Selector {
    let span = span(&pair);
    let parts = pair.into_inner().filter(|pair| pair.as_rule() == Rule::part).map(build_part).collect();
    Selector { span, parts }
}

fn build_part(pair: Pair<'_, Rule>) -> SelectorPart {
    let span = span(&pair);
    let mut name = Spanned::new(String::new(), span);
    let mut path = Vec::new();
    for pair in pair.into_inner() {
        match pair.as_rule() {
            Rule::name => name = text_of(&pair),
            Rule::value => path.push(PathItem::Value { text: text_of(&pair), quoted: false }),
            Rule::quoted => path.push(PathItem::Value { text: unquoted(&pair), quoted: true }),
            Rule::each => path.push(PathItem::Each(self::span(&pair))),
            _ => {}
        }
    }
    SelectorPart { span, name, path }
}

/// The text between double quotes, with `\"` and `\\` resolved. The span covers the quotes.
fn unquoted(pair: &Pair<'_, Rule>) -> Spanned<String> {
    let text = pair.as_str();
    let text = text.strip_prefix('"').and_then(|text| text.strip_suffix('"')).unwrap_or(text);
    Spanned::new(without_backslashes(text, |_| true), span(pair))
}

/// Takes the backslash away in front of what `is_escape` names; a newline behind one goes with it, as in a shell.
fn without_backslashes(text: &str, is_escape: impl Fn(char) -> bool) -> String {
    let mut out = String::with_capacity(text.len());
    let mut characters = text.chars();
    while let Some(c) = characters.next() {
        match (c, characters.clone().next()) {
            ('\\', Some(next)) if is_escape(next) => {
                characters.next();
                if next != '\n' {
                    out.push(next);
                }
            }
            _ => out.push(c),
        }
    }
    out
}

fn build_file(pair: Pair<'_, Rule>) -> Spanned<String> {
    let whole = span(&pair);
    match pair.into_inner().next() {
        Some(path) if path.as_rule() == Rule::quoted_path => unquoted(&path),
        Some(path) => text_of(&path),
        None => Spanned::new(String::new(), whole),
    }
}

fn build_call(pair: Pair<'_, Rule>) -> Result<Call, SyntaxError> {
    let span = span(&pair);
    let mut name = Spanned::new(String::new(), span);
    let mut args = Vec::new();
    for pair in pair.into_inner() {
        match pair.as_rule() {
            Rule::name => name = text_of(&pair),
            Rule::argument => {
                // `$web and db` means two sets to everybody but the grammar.
                if args.is_empty()
                    && let Some(hint) = hint::operator_word(pair.as_str())
                {
                    let kind = SyntaxErrorKind::Unexpected {
                        found: pair.as_str().chars().next(),
                        expected: vec!["an operator (`&`, `!`, `^` or `,`)", "an argument"],
                        hint: Some(hint),
                    };
                    return Err(SyntaxError { span: self::span(&pair), kind });
                }
                args.push(build_argument(pair));
            }
            _ => {}
        }
    }
    Ok(Call { span, name, args })
}

fn build_argument(pair: Pair<'_, Rule>) -> Spanned<String> {
    let span = span(&pair);
    let mut value = String::new();
    for piece in pair.into_inner() {
        let text = piece.as_str();
        let between = text.get(1..text.len().saturating_sub(1)).unwrap_or_default();
        match piece.as_rule() {
            Rule::single_quoted => value.push_str(between),
            Rule::double_quoted => {
                value.push_str(&without_backslashes(between, |c| matches!(c, '"' | '\\' | '$' | '`' | '\n')));
            }
            Rule::escaped => value.push_str(&without_backslashes(text, |_| true)),
            _ => value.push_str(text),
        }
    }
    Spanned::new(value, span)
}

/// The text of a whole pattern and where it starts, for the messages about its parts.
#[derive(Clone, Copy)]
struct Context<'a> {
    text: &'a str,
    start: usize,
}

impl Context<'_> {
    /// An error at bytes of the pattern's text.
    fn error(self, start: usize, end: usize, kind: SyntaxErrorKind) -> SyntaxError {
        SyntaxError { span: Span::at(self.start + start, self.start + end), kind }
    }

    fn whole(self, kind: SyntaxErrorKind) -> SyntaxError {
        self.error(0, self.text.len(), kind)
    }
}

fn build_pattern(pair: Pair<'_, Rule>) -> Result<Pattern, SyntaxError> {
    let context = Context { text: pair.as_str(), start: pair.as_span().start() };
    let span = span(&pair);
    if host::is_plain_host(context.text) {
        return Ok(Pattern::plain(context.text, span));
    }
    if context.text.starts_with('-') {
        return Err(context.whole(SyntaxErrorKind::OptionAsHost));
    }
    let parts = pieces(pair, context, 0)?;
    if n_groups(&parts) > MAX_GROUPS {
        return Err(context.whole(SyntaxErrorKind::TooManyGroups(MAX_GROUPS)));
    }
    let pattern = Pattern::from_parts(parts, span);
    check_first(&pattern, context)?;
    Ok(pattern)
}

fn pieces(pair: Pair<'_, Rule>, context: Context<'_>, depth: usize) -> Result<Vec<Part>, SyntaxError> {
    let mut parts = Vec::new();
    for pair in pair.into_inner() {
        let span = span(&pair);
        match pair.as_rule() {
            Rule::literal => {
                check_literal(&pair, context, depth)?;
                parts.push(Part::Literal(pair.as_str().into()));
            }
            Rule::range => parts.push(Part::Range(range::runs(&items(pair)?, span)?)),
            Rule::alternatives => {
                let text = pair.as_str();
                if let Some((found, hint)) = hint::alternatives(text) {
                    let kind = SyntaxErrorKind::Unexpected { found, expected: vec!["a host pattern"], hint };
                    return Err(SyntaxError { span, kind });
                }
                let mut all = Vec::new();
                for pair in pair.into_inner().filter(|pair| pair.as_rule() == Rule::alternative) {
                    all.push(pieces(pair, context, depth + 1)?.into_boxed_slice());
                }
                if all.iter().all(|one| one.is_empty()) && all.len() < 2 {
                    return Err(SyntaxError { span, kind: SyntaxErrorKind::EmptyGroup });
                }
                parts.push(Part::Alternatives(all.into()));
            }
            _ => {}
        }
    }
    Ok(parts)
}

/// The items of a range group.
fn items(pair: Pair<'_, Rule>) -> Result<Vec<Item>, SyntaxError> {
    let (group, text) = (span(&pair), pair.as_str());
    let inside = text.get(1..text.len().saturating_sub(1)).unwrap_or_default();
    if let Ok(address) = inside.parse::<Ipv6Addr>() {
        let hint = Some(format!("write the address without brackets: `{}`", host::full_ipv6(address)));
        let kind = SyntaxErrorKind::Unexpected { found: Some('['), expected: vec!["a host pattern"], hint };
        return Err(SyntaxError { span: group, kind });
    }
    let mut items = Vec::new();
    for pair in pair.into_inner().filter(|pair| pair.as_rule() == Rule::item) {
        let span = span(&pair);
        let excluded = pair.as_str().starts_with('!');
        let mut bounds = pair.into_inner().filter(|pair| pair.as_rule() == Rule::bound);
        let (first, last) = (bounds.next(), bounds.next());
        let Some(first) = first else { continue };
        let end = last.as_ref().map(Pair::as_str);
        let item = Item::new(excluded, first.as_str(), end, span).map_err(|error| {
            let wrong = match &error.kind {
                SyntaxErrorKind::NotANumber(wrong) => wrong,
                _ => return error,
            };
            match hint::range_item(first.as_str(), end, inside) {
                Some(hint) => SyntaxError {
                    span,
                    kind: SyntaxErrorKind::Unexpected {
                        found: wrong.chars().next(),
                        expected: vec!["a number"],
                        hint: Some(hint),
                    },
                },
                // Only the bound that is no number is to be changed.
                None => SyntaxError {
                    span: match &last {
                        Some(last) if last.as_str() == wrong => self::span(last),
                        _ => self::span(&first),
                    },
                    kind: error.kind,
                },
            }
        })?;
        items.push(item);
    }
    Ok(items)
}

/// Checks the characters of a literal, which the grammar leaves wide.
fn check_literal(pair: &Pair<'_, Rule>, context: Context<'_>, depth: usize) -> Result<(), SyntaxError> {
    let literal = pair.as_str();
    let Some((offset, c)) = literal.char_indices().find(|&(_, c)| !host::is_host_character(c)) else {
        return Ok(());
    };
    let at = pair.as_span().start() - context.start + offset;
    if c == '@' && depth == 0 {
        let (user, host) = context.text.split_at_checked(at).unwrap_or_default();
        let kind = SyntaxErrorKind::UserInHost {
            user: user.to_owned(),
            host: host.strip_prefix('@').unwrap_or(host).to_owned(),
        };
        return Err(context.error(0, at + 1, kind));
    }
    let rest = literal.get(offset..).unwrap_or_default();
    let kind = match hint::literal(context.text.get(..at).unwrap_or_default(), rest) {
        Some(hint) => SyntaxErrorKind::Unexpected {
            found: Some(c),
            expected: vec!["a letter, a digit, `.`, `-` or `_`"],
            hint: Some(hint),
        },
        None => SyntaxErrorKind::HostCharacter(c),
    };
    Err(context.error(at, at + c.len_utf8(), kind))
}

/// Checks the form of the first host: what is wrong with it is nearly always in the text around the groups, and there the
/// span can be exact.
fn check_first(pattern: &Pattern, context: Context<'_>) -> Result<(), SyntaxError> {
    let mut result = Ok(());
    let _ = pattern.try_for_each(&mut |name| {
        result = host::check_host(name);
        std::ops::ControlFlow::Break(())
    });
    let text = context.text;
    let Err(kind) = result else { return Ok(()) };
    Err(match kind {
        SyntaxErrorKind::PortInHost { .. } => {
            let (host, port) = text.rsplit_once(':').unwrap_or((text, ""));
            let kind = SyntaxErrorKind::PortInHost { host: host.to_owned(), port: port.to_owned() };
            context.error(host.len(), text.len(), kind)
        }
        SyntaxErrorKind::HostCharacter(':') => {
            let at = text.find(':').unwrap_or(0);
            let (first, second) = text.split_once(':').unwrap_or((text, ""));
            let hint = Some(match second {
                "" => "leave out the `:`; a union is `,`, an intersection `&`, a difference `!`".to_owned(),
                _ => format!("for a union write `{first},{second}`"),
            });
            let expected = vec!["a letter, a digit, `.`, `-` or `_`"];
            context.error(at, at + 1, SyntaxErrorKind::Unexpected { found: Some(':'), expected, hint })
        }
        SyntaxErrorKind::ShortIpv6 { .. } if pattern.as_plain().is_none() => {
            context.whole(SyntaxErrorKind::ShortIpv6 { full: None })
        }
        SyntaxErrorKind::HostStart(c) if text.starts_with(c) => context.error(0, c.len_utf8(), kind),
        SyntaxErrorKind::EmptyHostLabel if text.starts_with('.') => context.error(0, 1, kind),
        SyntaxErrorKind::EmptyHostLabel => match text.find("..") {
            Some(at) => context.error(at, at + 2, kind),
            None => context.whole(kind),
        },
        kind => context.whole(kind),
    })
}
