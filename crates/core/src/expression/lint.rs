//! Looks an expression through before it ever runs: only known names, bounded work.
//! It notes which paths are read, and turns `has(x.y)` into `x.y != null`, because absent attributes are handed in as
//! null. What the names mean is the caller's.

use super::{COMPREHENSIONS_MAX, ExpressionError};
use crate::place::nearest;
use cel::common::ast::{CallExpr, EntryExpr, Expr, IdedExpr, LiteralValue, SelectExpr, operators};
use std::collections::BTreeSet;

/// What a condition may call, and whether what it gives may be yes or no.
pub(super) const FUNCTIONS: [(&str, bool); 19] = [
    ("size", false),
    ("contains", true),
    ("startsWith", true),
    ("endsWith", true),
    ("matches", true),
    ("lowerAscii", false),
    ("upperAscii", false),
    ("trim", false),
    ("string", false),
    ("int", false),
    ("uint", false),
    ("double", false),
    ("bool", true),
    ("type", false),
    ("dyn", true),
    ("timestamp", false),
    ("duration", false),
    ("getFullYear", false),
    ("hasValue", true),
];
const MACROS: [&str; 6] = ["has", "exists", "all", "exists_one", "map", "filter"];
const TYPES: [&str; 10] = ["bool", "int", "uint", "double", "string", "bytes", "list", "map", "null_type", "type"];

/// Looks an expression through and returns the paths that it reads.
pub(super) fn look_through(
    ast: &mut IdedExpr,
    text: &str,
    roots: &[&str],
) -> Result<BTreeSet<Vec<String>>, ExpressionError> {
    let mut lint = Lint { roots, bound: Vec::new(), reads: BTreeSet::new(), text };
    lint.walk(ast, 0)?;
    Ok(lint.reads)
}

/// The walk through one expression.
struct Lint<'a> {
    roots: &'a [&'a str],
    bound: Vec<String>,
    reads: BTreeSet<Vec<String>>,
    text: &'a str,
}

impl Lint<'_> {
    fn walk(&mut self, node: &mut IdedExpr, depth: usize) -> Result<(), ExpressionError> {
        if let Some(path) = self.path_of(&node.expr) {
            self.reads.insert(path);
            presence(node);
            return Ok(());
        }
        match &mut node.expr {
            Expr::Unspecified | Expr::Literal(_) => Ok(()),
            Expr::Ident(name) => self.name(name),
            Expr::Select(select) => self.walk(&mut select.operand, depth),
            Expr::Call(call) => self.call(call, depth),
            Expr::List(list) => list.elements.iter_mut().try_for_each(|element| self.walk(element, depth)),
            Expr::Map(map) => map.entries.iter_mut().try_for_each(|entry| self.entry(&mut entry.expr, depth)),
            Expr::Struct(_) => Err(self.at("{", "a condition makes no records".into(), None)),
            Expr::Comprehension(loop_) => {
                if depth >= COMPREHENSIONS_MAX {
                    let message =
                        format!("exists, all, map and filter may stand in each other {COMPREHENSIONS_MAX} deep");
                    return Err(self.at("", message, None));
                }
                self.walk(&mut loop_.iter_range, depth)?;
                self.walk(&mut loop_.accu_init, depth)?;
                let before = self.bound.len();
                self.bound.extend([loop_.iter_var.clone(), loop_.accu_var.clone()]);
                self.bound.extend(loop_.iter_var2.clone());
                self.walk(&mut loop_.loop_cond, depth + 1)?;
                self.walk(&mut loop_.loop_step, depth + 1)?;
                self.walk(&mut loop_.result, depth + 1)?;
                self.bound.truncate(before);
                Ok(())
            }
        }
    }

    fn entry(&mut self, entry: &mut EntryExpr, depth: usize) -> Result<(), ExpressionError> {
        match entry {
            EntryExpr::StructField(field) => self.walk(&mut field.value, depth),
            EntryExpr::MapEntry(entry) => {
                self.walk(&mut entry.key, depth)?;
                self.walk(&mut entry.value, depth)
            }
        }
    }

    fn call(&mut self, call: &mut CallExpr, depth: usize) -> Result<(), ExpressionError> {
        let is_word = call.func_name.starts_with(|first: char| first.is_ascii_alphabetic());
        if is_word && !FUNCTIONS.iter().any(|(name, _)| *name == call.func_name) && !call.func_name.starts_with("get") {
            let known: Vec<&str> = FUNCTIONS.into_iter().map(|(name, _)| name).chain(MACROS).collect();
            let hint = nearest(&call.func_name, &known).map(|nearest| format!("did you mean `{nearest}`?"));
            return Err(self.at(&call.func_name, format!("unknown function `{}`", call.func_name), hint));
        }
        if let Some(target) = &mut call.target {
            self.walk(target, depth)?;
        }
        call.args.iter_mut().try_for_each(|argument| self.walk(argument, depth))
    }

    fn name(&mut self, name: &str) -> Result<(), ExpressionError> {
        let known = |known: &&str| *known == name;
        if self.bound.iter().any(|bound| bound == name) || TYPES.iter().any(known) {
            return Ok(());
        }
        if self.roots.iter().any(known) {
            self.reads.insert(vec![name.to_owned()]);
            return Ok(());
        }
        let hint = nearest(name, self.roots)
            .map(|nearest| format!("did you mean `{nearest}`?"))
            .or_else(|| Some(format!("known here: {}", self.roots.join(", "))));
        Err(self.at(name, format!("unknown name `{name}`"), hint))
    }

    /// Returns the path that a chain of selections spells, if it starts at a root.
    fn path_of(&self, expr: &Expr) -> Option<Vec<String>> {
        let mut path = Vec::new();
        let mut expr = expr;
        loop {
            match expr {
                Expr::Select(select) => {
                    path.push(select.field.clone());
                    expr = &select.operand.expr;
                }
                Expr::Call(call) => {
                    path.push(literal_index(call)?.to_owned());
                    expr = &call.args[0].expr;
                }
                Expr::Ident(name) if !path.is_empty() => {
                    let free = !self.bound.iter().any(|bound| bound == name);
                    path.push(name.clone());
                    path.reverse();
                    return (free && self.roots.contains(&name.as_str())).then_some(path);
                }
                _ => return None,
            }
        }
    }

    fn at(&self, word: &str, message: String, hint: Option<String>) -> ExpressionError {
        ExpressionError { message, hint, offset: self.text.find(word) }
    }
}

/// Turns `has(x.y)` into `x.y != null`.
fn presence(node: &mut IdedExpr) {
    if let Expr::Select(SelectExpr { test: true, operand, field }) = &node.expr {
        let select = SelectExpr { operand: operand.clone(), field: field.clone(), test: false };
        let args = vec![
            IdedExpr { id: node.id, expr: Expr::Select(select) },
            IdedExpr { id: node.id, expr: Expr::Literal(LiteralValue::Null) },
        ];
        node.expr = Expr::Call(CallExpr { func_name: operators::NOT_EQUALS.to_owned(), target: None, args });
    }
}

/// Returns the key of `x["key"]`.
fn literal_index(call: &CallExpr) -> Option<&str> {
    match (call.func_name == operators::INDEX, call.args.as_slice()) {
        (true, [_, IdedExpr { expr: Expr::Literal(LiteralValue::String(key)), .. }]) => Some(key.inner()),
        _ => None,
    }
}
