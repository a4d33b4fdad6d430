//! Whether a condition can say yes or no at all. CEL has no types before it runs, so only what is certain is told: what
//! is written as a text or a number, what a function makes, and the paths of which the caller knows that they hold
//! neither yes nor no. What may be either is left to the judging.

use super::lint::FUNCTIONS;
use cel::common::ast::{CallExpr, Expr, IdedExpr, LiteralValue, operators};

/// What reckons: it makes a number or a text, and never yes or no.
const RECKONS: [&str; 6] = [
    operators::ADD,
    operators::SUBSTRACT,
    operators::MULTIPLY,
    operators::DIVIDE,
    operators::MODULO,
    operators::NEGATE,
];

/// Returns the part that should be yes or no and is not, in words; `is_neither` tells it of a path.
pub(super) fn untrue(node: &IdedExpr, is_neither: &dyn Fn(&[&str]) -> bool) -> Option<String> {
    let next = |node: &IdedExpr| untrue(node, is_neither);
    match &node.expr {
        Expr::Literal(literal) => literal_name(literal).map(str::to_owned),
        Expr::List(_) => Some("a list".into()),
        Expr::Map(_) | Expr::Struct(_) => Some("a map".into()),
        Expr::Comprehension(around) => matches!(around.accu_init.expr, Expr::List(_)).then(|| "a list".into()),
        Expr::Call(call) => match (call.func_name.as_str(), call.args.as_slice()) {
            (operators::LOGICAL_AND | operators::LOGICAL_OR | operators::LOGICAL_NOT, parts) => {
                parts.iter().find_map(next)
            }
            (operators::CONDITIONAL, parts) => parts.iter().find_map(next),
            (name, _) if makes_another(name) => Some(made(call)),
            _ => None,
        },
        Expr::Ident(_) | Expr::Select(_) => {
            let path = path_of(&node.expr)?;
            is_neither(&path).then(|| format!("`{}`", path.join(".")))
        }
        Expr::Unspecified => None,
    }
}

fn literal_name(literal: &LiteralValue) -> Option<&'static str> {
    match literal {
        LiteralValue::Boolean(_) => None,
        LiteralValue::String(_) => Some("a text"),
        LiteralValue::Null => Some("null"),
        LiteralValue::Bytes(_) => Some("bytes"),
        LiteralValue::Double(_) | LiteralValue::Int(_) | LiteralValue::UInt(_) => Some("a number"),
    }
}

/// Tells whether what a call gives is neither yes nor no. The parts of a moment (`getFullYear`) are numbers.
fn makes_another(name: &str) -> bool {
    let known = FUNCTIONS.iter().find(|(known, _)| *known == name).map(|(_, may_be_truth)| !may_be_truth);
    known.unwrap_or_else(|| RECKONS.contains(&name) || name.starts_with("get"))
}

fn made(call: &CallExpr) -> String {
    match call.func_name.starts_with(|first: char| first.is_ascii_alphabetic()) {
        true => format!("what {}() makes", call.func_name),
        false => "what is reckoned".into(),
    }
}

fn path_of(expr: &Expr) -> Option<Vec<&str>> {
    match expr {
        Expr::Ident(name) => Some(vec![name]),
        Expr::Select(select) if !select.test => {
            let mut path = path_of(&select.operand.expr)?;
            path.push(&select.field);
            Some(path)
        }
        _ => None,
    }
}
