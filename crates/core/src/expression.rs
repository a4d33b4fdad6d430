//! Conditions in CEL: the `when` of a policy, the `--where` of a list.
//! They come from files and arguments and are judged against JSON-like values that the caller hands in. CEL has no
//! cost limit and no types before it runs, so every text is looked through first; nothing here knows what it is about.

mod bare;
mod lint;
mod truth;

use crate::place::nearest;
use cel::common::ast::IdedExpr;
use cel::objects::{Key, Map};
use cel::parser::PrattParser;
use cel::{Context, Env};
use serde_json::Value;
use std::collections::{BTreeSet, HashMap};
use std::fmt;
use std::sync::{Arc, OnceLock};

/// The longest text of an expression, in bytes.
pub const TEXT_MAX: usize = 4096;
/// How deep comprehensions (`exists`, `all`, `map`, `filter`) may stand in each other.
pub const COMPREHENSIONS_MAX: usize = 2;
/// How deep brackets may stand in each other.
const DEPTH_MAX: u16 = 32;
/// The signs that join parts; a chain of them becomes as deep a tree.
const SIGNS: &[u8] = b"+-*/%|&<>=!?:.";
/// How many of them a condition may have.
const SIGNS_MAX: usize = 500;
/// How many parts a condition may have.
const NODES_MAX: usize = 1000;
/// How many items of a list an expression gets to see.
pub const ITEMS_MAX: usize = 1000;

/// A condition that has been read and looked through.
#[derive(Clone)]
pub struct Expression {
    text: Arc<str>,
    ast: Arc<IdedExpr>,
    reads: Arc<BTreeSet<Vec<String>>>,
}

/// Why a text is no condition, or why a condition could not be judged.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct ExpressionError {
    /// What is wrong, in lower case.
    pub message: String,
    /// What to do.
    pub hint: Option<String>,
    /// Where in the text (bytes), if that is known.
    pub offset: Option<usize>,
}

/// What a condition says of one thing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// It holds.
    Yes,
    /// It does not hold, or reads something that the thing does not have.
    No,
    /// It makes no sense for this thing, such as comparing a text with a number.
    Senseless(String),
}

/// Reads the text of a condition, within bounds.
fn read(text: &str) -> Result<IdedExpr, ExpressionError> {
    if text.len() > TEXT_MAX {
        return Err(error(format!("the condition has {} bytes, {TEXT_MAX} are allowed", text.len())));
    }
    if text.bytes().filter(|letter| SIGNS.contains(letter)).count() > SIGNS_MAX {
        return Err(error(
            "the condition has too many parts; `x in [\"a\", \"b\"]` is shorter than a chain of ||".into(),
        ));
    }
    let parser = PrattParser::new().max_recursion_depth(DEPTH_MAX).max_expression_node_count(NODES_MAX);
    parser.parse(text).map_err(|errors| syntax_error(&errors, text))
}

impl fmt::Debug for Expression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Expression({:?})", self.text)
    }
}

impl PartialEq for Expression {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl Expression {
    /// Reads a condition over the variables `roots`.
    ///
    /// # Errors
    /// The text is too long, is no CEL, nests comprehensions too deep, or names a variable or function that is
    /// not known here (the nearest known one is named).
    pub fn parse(text: &str, roots: &[&str]) -> Result<Self, ExpressionError> {
        let mut ast = read(text)?;
        let reads = Arc::new(lint::look_through(&mut ast, text, roots)?);
        Ok(Self { text: text.into(), ast: Arc::new(ast), reads })
    }

    /// Reads a condition over rows of a list, which it calls `root`; a bare word of `words` is a row's, too.
    ///
    /// # Errors
    /// As for [`Self::parse`].
    pub fn parse_of_rows(text: &str, root: &str, words: &[&str]) -> Result<Self, ExpressionError> {
        let mut ast = read(text)?;
        bare::put_root(&mut ast, root, words, &mut Vec::new());
        let reads = Arc::new(lint::look_through(&mut ast, text, &[root])?);
        Ok(Self { text: text.into(), ast: Arc::new(ast), reads })
    }

    /// Returns the text as it was written.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Lists the paths that the condition reads, each from its root: `identity.department` is
    /// `["identity", "department"]`. A path of one part reads the whole root.
    pub fn reads(&self) -> impl Iterator<Item = &[String]> {
        self.reads.iter().map(Vec::as_slice)
    }

    /// Refuses what the condition reads below `under` and is none of `words`. Where `others` may stand there too, such as
    /// a company's own attributes, only what is one letter away from one of the words: a slip of the pen would
    /// otherwise be an attribute that nobody has.
    ///
    /// # Errors
    /// The first such name, with the word that was probably meant.
    pub fn check_words(&self, under: &[&str], words: &[&str], others: bool) -> Result<(), ExpressionError> {
        let below = self.reads().filter(|path| path.iter().zip(under).all(|(part, root)| part == root));
        for name in below.filter_map(|path| path.get(under.len())) {
            let slip = words.iter().find(|word| is_slip(name, word));
            if words.contains(&name.as_str()) || (others && slip.is_none()) {
                continue;
            }
            let whole = under.join(".");
            let hint = slip.copied().or_else(|| nearest(name, words)).map_or_else(
                || format!("known here: {}", words.join(", ")),
                |word| match others || words.contains(&"attributes") {
                    true => format!("did you mean `{word}`? an attribute of your own is `{whole}.attributes.{name}`"),
                    false => format!("did you mean `{word}`?"),
                },
            );
            let message = format!("`{whole}` has no `{name}`");
            return Err(ExpressionError { message, hint: Some(hint), offset: self.text.find(name.as_str()) });
        }
        Ok(())
    }

    /// Refuses a condition that can say neither yes nor no: whole, or in a part that `&&`, `||`, `!` or `?:` judges.
    /// `is_neither` tells of a path that what it holds is neither.
    ///
    /// # Errors
    /// The first such part.
    pub fn check_truth(&self, is_neither: impl Fn(&[&str]) -> bool) -> Result<(), ExpressionError> {
        let Some(part) = truth::untrue(&self.ast, &is_neither) else { return Ok(()) };
        let hint = match part.starts_with('`') {
            true => format!("compare it, such as {} == \"…\"", part.trim_matches('`')),
            false => "compare something, such as identity.department == \"Support\"".into(),
        };
        let offset = part.strip_prefix('`').and_then(|path| self.text.find(path.trim_end_matches('`')));
        let message = format!("the condition gives {part}, which is neither yes nor no");
        Err(ExpressionError { message, hint: Some(hint), offset })
    }

    /// Tells whether the condition holds for `value`, which it calls `root`. What the value does not have is null.
    ///
    /// # Errors
    /// The condition makes no sense for a value that has everything it reads, or does not end in yes or no.
    pub fn matches(&self, root: &str, value: &Value) -> Result<bool, ExpressionError> {
        match self.judge(root, value) {
            Verdict::Yes => Ok(true),
            Verdict::No => Ok(false),
            Verdict::Senseless(message) => Err(error(message)),
        }
    }

    /// Judges `value`, which the condition calls `root`.
    pub fn judge(&self, root: &str, value: &Value) -> Verdict {
        let paths: Vec<&[String]> = self
            .reads()
            .filter(|path| path[0] == root)
            .map(|path| &path[1..])
            .filter(|path| !path.is_empty())
            .collect();
        let mut lacks = false;
        let value = completed(value, &paths, &mut lacks);
        let mut context = Context::with_env(environment().clone());
        context.add_variable_from_value(root, value);
        match cel::Value::resolve(&self.ast, &context) {
            Ok(cel::Value::Bool(true)) => Verdict::Yes,
            Ok(cel::Value::Bool(false)) => Verdict::No,
            Ok(_) | Err(_) if lacks => Verdict::No,
            Err(cel::ExecutionError::NoSuchKey(_)) => Verdict::No,
            Ok(other) => Verdict::Senseless(format!("the condition gives a {}, not yes or no", other.type_of())),
            Err(cause) => Verdict::Senseless(format!("the condition makes no sense here: {}", kind_of(&cause))),
        }
    }
}

/// Tells whether a name is a word with one letter too many, too few, changed, or two changed over, or in other case.
fn is_slip(name: &str, word: &str) -> bool {
    name.len() > 3 && name != word && strsim::damerau_levenshtein(&name.to_lowercase(), word) <= 1
}

fn error(message: String) -> ExpressionError {
    ExpressionError { message, hint: None, offset: None }
}

fn environment() -> &'static Arc<Env> {
    static ENVIRONMENT: OnceLock<Arc<Env>> = OnceLock::new();
    ENVIRONMENT.get_or_init(|| {
        let mut env = Env::stdlib();
        // A fresh standard environment has no strings functions, so adding them cannot conflict; should a later
        // version have them, the ones that are there serve as well.
        let _ = env.add_extension(cel::extensions::strings);
        Arc::new(env)
    })
}

fn syntax_error(errors: &cel::ParseErrors, text: &str) -> ExpressionError {
    let Some(first) = errors.errors.first() else { return error("this is no condition".into()) };
    let line_start =
        text.lines().take(usize::try_from(first.pos.0 - 1).unwrap_or(0)).map(|line| line.len() + 1).sum::<usize>();
    let offset = (line_start + usize::try_from(first.pos.1 - 1).unwrap_or(0)).min(text.len());
    let message: String = first.msg.chars().take(200).collect();
    ExpressionError { message: format!("this is no condition: {message}"), hint: None, offset: Some(offset) }
}

/// Says what went wrong without the values, which may be somebody's.
fn kind_of(cause: &cel::ExecutionError) -> String {
    use cel::ExecutionError as E;
    match cause {
        E::NoSuchOverload(overload) => overload.to_string(),
        E::UndeclaredReference(name) => format!("{name} is not known"),
        E::UnexpectedType { got, want } => format!("a {want} is expected where there is a {got}"),
        E::FunctionError { function, .. } => format!("{function}() fails"),
        E::ValuesNotComparable(left, right) => {
            format!("a {} and a {} cannot be compared", left.type_of(), right.type_of())
        }
        E::DivisionByZero(_) | E::RemainderByZero(_) => "it divides by zero".into(),
        _ => "its parts do not fit".into(),
    }
}

/// Turns a JSON value into CEL's, with null for every path that is read and absent. Notes whether one was.
fn completed(value: &Value, paths: &[&[String]], lacks: &mut bool) -> cel::Value {
    let Value::Object(object) = value else {
        if !paths.is_empty() && value.is_null() {
            *lacks = true;
            return map(paths_below(paths)
                .into_iter()
                .map(|(key, below)| (key, completed(&Value::Null, &below, lacks))));
        }
        *lacks |= value.is_null();
        return plain(value);
    };
    let below = paths_below(paths);
    let mut lacking = *lacks;
    let absent: Vec<(&str, cel::Value)> = below
        .iter()
        .filter(|(key, _)| !object.contains_key(**key))
        .map(|(key, below)| (*key, completed(&Value::Null, below, &mut lacking)))
        .collect();
    let present: Vec<(&str, cel::Value)> = object
        .iter()
        .map(|(key, value)| match below.get(key.as_str()) {
            Some(below) => (key.as_str(), completed(value, below, &mut lacking)),
            None => (key.as_str(), plain(value)),
        })
        .collect();
    *lacks |= lacking;
    map(present.into_iter().chain(absent))
}

fn paths_below<'a>(paths: &[&'a [String]]) -> HashMap<&'a str, Vec<&'a [String]>> {
    let mut below: HashMap<&str, Vec<&[String]>> = HashMap::new();
    for path in paths {
        let rest = below.entry(&path[0]).or_default();
        if path.len() > 1 {
            rest.push(&path[1..]);
        }
    }
    below
}

fn map<'a>(entries: impl Iterator<Item = (&'a str, cel::Value)>) -> cel::Value {
    let entries = entries.map(|(key, value)| (Key::String(Arc::new(key.to_owned())), value)).collect();
    cel::Value::Map(Map { map: Arc::new(entries) })
}

fn plain(value: &Value) -> cel::Value {
    match value {
        Value::Null => cel::Value::Null,
        Value::Bool(yes) => cel::Value::Bool(*yes),
        Value::Number(number) => match (number.as_i64(), number.as_f64()) {
            (Some(whole), _) => cel::Value::Int(whole),
            (None, Some(real)) => cel::Value::Float(real),
            (None, None) => cel::Value::Null,
        },
        Value::String(text) => cel::Value::String(Arc::new(text.clone())),
        Value::Array(items) => cel::Value::List(Arc::new(items.iter().take(ITEMS_MAX).map(plain).collect())),
        Value::Object(object) => map(object.iter().map(|(key, value)| (key.as_str(), plain(value)))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn judge(text: &str, value: &Value) -> Verdict {
        Expression::parse(text, &["identity"]).unwrap().judge("identity", value)
    }

    #[test]
    fn what_is_absent_is_null_and_no_error() {
        let person = json!({"department": "Support"});
        assert_eq!(judge("identity.department == 'Support'", &person), Verdict::Yes);
        assert_eq!(judge("identity.title == 'Lead'", &person), Verdict::No);
        assert_eq!(judge("identity.title == null", &person), Verdict::Yes);
        assert_eq!(judge("identity.title.startsWith('L')", &person), Verdict::No);
        assert_eq!(judge("has(identity.title)", &person), Verdict::No);
        assert_eq!(judge("has(identity.department)", &person), Verdict::Yes);
        assert_eq!(judge("identity.location != 'Berlin'", &person), Verdict::Yes);
        assert_eq!(judge("!(identity.location == 'Berlin')", &person), Verdict::Yes);
        assert_eq!(judge("identity.location < 'Berlin'", &person), Verdict::No);
        assert_eq!(judge("has(identity.location) && identity.location != 'Berlin'", &person), Verdict::No);
        assert_eq!(judge("identity.location != null && identity.location != 'Berlin'", &person), Verdict::No);
        assert_eq!(judge("identity['cost centre'] == '1'", &person), Verdict::No);
        assert_eq!(
            judge("identity.a.b.c == 'x' || identity.department.lowerAscii() == 'support'", &person),
            Verdict::Yes
        );
    }

    #[test]
    fn an_absent_attribute_does_not_hide_the_other_half() {
        let person = json!({"department": "Support"});
        assert_eq!(judge("identity.title.contains('x') || identity.department == 'Support'", &person), Verdict::Yes);
    }

    #[test]
    fn a_comparison_without_sense_is_told() {
        assert!(matches!(judge("identity.age > 'x'", &json!({"age": 3})), Verdict::Senseless(_)));
        assert!(matches!(judge("identity.age", &json!({"age": 3})), Verdict::Senseless(_)));
    }

    #[test]
    fn an_unknown_name_has_a_nearest() {
        let error = Expression::parse("identitty.department == 'x'", &["identity"]).unwrap_err();
        assert_eq!(error.hint.as_deref(), Some("did you mean `identity`?"));
        assert_eq!(error.offset, Some(0));
        let error = Expression::parse("identity.x.startWith('a')", &["identity"]).unwrap_err();
        assert_eq!(error.hint.as_deref(), Some("did you mean `startsWith`?"));
    }

    #[test]
    fn work_is_bounded_before_it_starts() {
        assert!(Expression::parse(&format!("'{}' == ''", "x".repeat(5000)), &[]).is_err());
        let two = "[1].exists(a, [1].exists(b, a == b))";
        let three = "[1].exists(a, [1].exists(b, [1].exists(c, a == c)))";
        assert!(Expression::parse(two, &[]).is_ok());
        assert!(Expression::parse(three, &[]).unwrap_err().message.contains("2 deep"));
        for hostile in
            ["(", "[", "{", "!", "-", "true?", "a.", "a||", "1+", "'", "((", "f(", "x[", "{1:", "\\", "a\n", "1 in "]
        {
            for times in [6, 12, 20, 100, 199, 400, 2000] {
                let _ = Expression::parse(&hostile.repeat(times), &["a"]);
                let _ = Expression::parse(&format!("{}1", hostile.repeat(times)), &["a"]);
            }
        }
        for times in [31, 150, 199] {
            assert!(
                Expression::parse(&format!("{}true", "true||".repeat(times)), &["a"])
                    .unwrap()
                    .matches("a", &json!(1))
                    .is_ok()
            );
        }
        let deep = format!("{}1{} == 1", "(".repeat(20), ")".repeat(20));
        assert!(Expression::parse(&deep, &[]).unwrap().matches("a", &json!(1)).unwrap());
    }

    #[test]
    fn a_bare_word_of_a_row_is_the_rows_and_what_a_loop_binds_is_its_own() {
        let row = json!({"state": "active", "type": "employee", "grants": [{"name": "admin", "state": "none"}]});
        let words = ["state", "type", "grants", "name"];
        for (text, holds) in [
            ("state == 'active'", true),
            ("account.state == 'active' && type == 'employee'", true),
            ("grants.exists(g, g.name == 'admin' && g.state == 'none')", true),
            ("grants.exists(state, state.name == 'admin') && state == 'active'", true),
            ("has(account.state) && !(state in ['suspended'])", true),
            ("state == 'suspended'", false),
        ] {
            let expression = Expression::parse_of_rows(text, "account", &words).unwrap();
            assert_eq!(expression.matches("account", &row).unwrap(), holds, "{text}");
        }
        assert!(Expression::parse_of_rows("stat == 'active'", "account", &words).is_err());
    }

    #[test]
    fn what_is_read_is_known() {
        let expression = Expression::parse(
            "identity.department == 'a' && identity.emails.exists(e, e.endsWith('x'))",
            &["identity"],
        )
        .unwrap();
        let reads: Vec<String> = expression.reads().map(|path| path.join(".")).collect();
        assert_eq!(reads, ["identity.department", "identity.emails"]);
        let whole = Expression::parse("size(identity) > 1", &["identity"]).unwrap();
        assert_eq!(whole.reads().next().unwrap(), ["identity"]);
    }

    #[test]
    fn what_says_neither_yes_nor_no_is_no_condition() {
        let check = |text: &str| {
            let expression = Expression::parse(text, &["identity"]).unwrap();
            expression.check_truth(|path| path.len() == 1 || path == ["identity", "department"])
        };
        for text in [
            "identity.department",
            "'1'",
            "1",
            "identity",
            "null",
            "identity.department == 'Support' || 'Sales'",
            "!identity.department",
            "size(identity.emails)",
            "identity.department + 'x'",
            "identity.emails.filter(e, e == 'x')",
            "identity.x == 'a' ? 'yes' : 'no'",
            "identity.x == 'a' ? identity.department : false",
        ] {
            let refused = check(text).unwrap_err();
            assert!(refused.message.contains("neither yes nor no") && refused.hint.is_some(), "{text}: {refused}");
        }
        for text in [
            "true",
            "identity.contractor",
            "has(identity.department) && identity.emails.exists(e, e.endsWith('x'))",
            "identity.department in ['a', 'b'] && !(identity.title == 'c')",
            "bool(identity.department) || identity.department.contains('x')",
            "identity.emails.exists_one(e, e == 'x')",
        ] {
            assert!(check(text).is_ok(), "{text}: {:?}", check(text));
        }
        assert_eq!(check("true && identity.department").unwrap_err().offset, Some(8));
    }

    #[test]
    fn a_slip_of_the_pen_is_no_attribute_that_nobody_has() {
        let check = |text: &str, others: bool| {
            let expression = Expression::parse(text, &["identity"]).unwrap();
            expression.check_words(&["identity"], &["department", "title", "attributes"], others)
        };
        let slip = check("identity.departmnt == 'a'", true).unwrap_err();
        assert_eq!(slip.message, "`identity` has no `departmnt`");
        assert_eq!(
            slip.hint.unwrap(),
            "did you mean `department`? an attribute of your own is `identity.attributes.departmnt`"
        );
        assert_eq!(slip.offset, Some(9));
        assert!(check("identity.Title == 'a'", true).is_err());
        assert!(check("identity.cost_centre == 'a' && identity.attributes.titel == 'b'", true).is_ok());
        assert!(check("identity.cost_centre == 'a'", false).unwrap_err().hint.unwrap().starts_with("known here: "));
        assert!(check("identity.title == 'a' || size(identity) > 1", false).is_ok());
    }
}
