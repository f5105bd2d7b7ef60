//! The canonical text of expressions: parsing it gives an equal expression.

use std::fmt::{self, Write as _};

use crate::{Call, Expr, ExprKind, PathItem, Selector, SelectorPart, SetOp, hint};

impl fmt::Display for Expr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.kind {
            ExprKind::Pattern(pattern) => pattern.fmt(f),
            ExprKind::Selector(selector) => selector.fmt(f),
            ExprKind::Call(call) => call.fmt(f),
            ExprKind::File(path) => write_path(f, &path.value),
            ExprKind::Chain { op, operands, .. } => {
                for (index, operand) in operands.iter().enumerate() {
                    if index > 0 {
                        match op {
                            SetOp::Union => f.write_str(", ")?,
                            _ => write!(f, " {op} ")?,
                        }
                    }
                    operand.fmt(f)?;
                }
                Ok(())
            }
            ExprKind::Group(inner) => write!(f, "({inner})"),
        }
    }
}

impl fmt::Display for SetOp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_char(match self {
            Self::Intersection => '&',
            Self::Difference => '!',
            Self::SymmetricDifference => '^',
            Self::Union => ',',
        })
    }
}

impl fmt::Display for Selector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, part) in self.parts.iter().enumerate() {
            if index > 0 {
                f.write_char('.')?;
            }
            part.fmt(f)?;
        }
        Ok(())
    }
}

impl fmt::Display for SelectorPart {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "${}", self.name.value)?;
        for item in &self.path {
            f.write_char('.')?;
            match item {
                PathItem::Value { text, quoted: false } => f.write_str(&text.value)?,
                PathItem::Value { text, quoted: true } => write_quoted(f, &text.value)?,
                PathItem::Each(_) => f.write_char('*')?,
            }
        }
        Ok(())
    }
}

impl fmt::Display for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "${}", self.name.value)?;
        for arg in &self.args {
            let arg = &arg.value;
            let is_bare = |b: u8| b.is_ascii_alphanumeric() || b"_-./:=@%+~".contains(&b);
            if !arg.is_empty() && arg.bytes().all(is_bare) && hint::operator_word(arg).is_none() {
                write!(f, " {arg}")?;
            } else {
                write!(f, " '{}'", arg.replace('\'', r"'\''"))?;
            }
        }
        Ok(())
    }
}

fn write_path(f: &mut fmt::Formatter<'_>, path: &str) -> fmt::Result {
    f.write_char('@')?;
    if path.starts_with('"') || path.contains([' ', '\t', '\n', '\r', ',', '&', '!', '^', ')']) {
        write_quoted(f, path)
    } else {
        f.write_str(path)
    }
}

fn write_quoted(f: &mut fmt::Formatter<'_>, text: &str) -> fmt::Result {
    write!(f, "\"{}\"", text.replace('\\', r"\\").replace('"', r#"\""#))
}
