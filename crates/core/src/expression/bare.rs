//! Names without their root: in a condition over the rows of a list, `state` means `account.state`.
//! Only words that a row has are taken so; what a comprehension binds keeps its own meaning.

use cel::common::ast::{EntryExpr, Expr, IdedExpr, SelectExpr};

/// Puts `root` before each bare word.
pub(super) fn put_root(node: &mut IdedExpr, root: &str, words: &[&str], bound: &mut Vec<String>) {
    match &mut node.expr {
        Expr::Unspecified | Expr::Literal(_) | Expr::Struct(_) => {}
        Expr::Ident(name) => {
            if name != root && words.contains(&name.as_str()) && !bound.contains(name) {
                let operand = Box::new(IdedExpr { id: node.id, expr: Expr::Ident(root.to_owned()) });
                let field = std::mem::take(name);
                node.expr = Expr::Select(SelectExpr { operand, field, test: false });
            }
        }
        Expr::Select(select) => put_root(&mut select.operand, root, words, bound),
        Expr::Call(call) => {
            for part in call.target.iter_mut().map(|target| &mut **target).chain(&mut call.args) {
                put_root(part, root, words, bound);
            }
        }
        Expr::List(list) => list.elements.iter_mut().for_each(|element| put_root(element, root, words, bound)),
        Expr::Map(map) => {
            for entry in &mut map.entries {
                match &mut entry.expr {
                    EntryExpr::StructField(field) => put_root(&mut field.value, root, words, bound),
                    EntryExpr::MapEntry(entry) => {
                        put_root(&mut entry.key, root, words, bound);
                        put_root(&mut entry.value, root, words, bound);
                    }
                }
            }
        }
        Expr::Comprehension(around) => {
            put_root(&mut around.iter_range, root, words, bound);
            let before = bound.len();
            bound.extend([around.iter_var.clone(), around.accu_var.clone()]);
            bound.extend(around.iter_var2.clone());
            for part in [&mut around.accu_init, &mut around.loop_cond, &mut around.loop_step, &mut around.result] {
                put_root(part, root, words, bound);
            }
            bound.truncate(before);
        }
    }
}
