//! Charts and graphs as SVG, drawn here so that a page needs no script: figures day by day, shares of a budget, and who
//! reaches what. Each has a title for whoever does not see it, and stands beside a table with the same figures.

use std::fmt::Write;
use tenure_store::Figure;

/// Writes a text so that it can stand in SVG.
fn escaped(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            other => safe.push(other),
        }
    }
    safe
}

fn short(text: &str, most: usize) -> String {
    match text.char_indices().nth(most) {
        Some((at, _)) => format!("{}…", &text[..at]),
        None => text.to_owned(),
    }
}

/// Draws figures as stacked areas, a column of words for each day; `order` says which word lies at the bottom.
pub(crate) fn days(title: &str, figures: &[Figure], order: &[(&str, &'static str)]) -> String {
    const WIDTH: f64 = 640.0;
    const HEIGHT: f64 = 150.0;
    const LEFT: f64 = 44.0;
    let (Some(first), Some(last)) = (figures.first(), figures.last()) else { return String::new() };
    let amount = |day: i64, word: &str| {
        figures.iter().find(|figure| figure.day == day && figure.word == word).map_or(0, |figure| figure.amount)
    };
    let mut days: Vec<i64> = figures.iter().map(|figure| figure.day).collect();
    days.dedup();
    let total = |day: &i64| order.iter().map(|(word, _)| amount(*day, word)).sum::<i64>();
    let most = days.iter().map(total).max().unwrap_or(0).max(1);
    let slot = (WIDTH - LEFT) / (last.day - first.day + 1).max(7) as f64;
    let y = |value: i64| 10.0 + (HEIGHT - 10.0) * (1.0 - value as f64 / most as f64);
    let mut svg = format!(
        "<svg class=\"chart\" viewBox=\"0 0 640 178\" role=\"img\" aria-label=\"{}\"><title>{}</title>",
        escaped(title),
        escaped(title)
    );
    for line in [0, most / 2, most] {
        let at = y(line);
        let _ = write!(
            svg,
            "<line class=\"rule\" x1=\"{LEFT}\" x2=\"{WIDTH}\" y1=\"{at:.1}\" y2=\"{at:.1}\"/>\
             <text class=\"tick\" x=\"{}\" y=\"{:.1}\" text-anchor=\"end\">{line}</text>",
            LEFT - 8.0,
            at + 4.0
        );
        if most == 1 {
            break;
        }
    }
    for day in &days {
        let (mut under, x) = (0, LEFT + slot * (day - first.day) as f64);
        for (word, class) in order {
            let here = amount(*day, word);
            if here > 0 {
                let (top, bottom) = (y(under + here), y(under));
                let _ = write!(
                    svg,
                    "<rect class=\"{class}\" x=\"{:.1}\" y=\"{top:.1}\" width=\"{:.1}\" height=\"{:.1}\"><title>{}: {here} {word}</title></rect>",
                    x + slot * 0.14,
                    (slot * 0.72).min(46.0),
                    (bottom - top).max(1.0),
                    date(*day),
                );
            }
            under += here;
        }
    }
    let _ = write!(svg, "<text class=\"tick\" x=\"{LEFT}\" y=\"172\">{}</text>", date(first.day));
    if last.day > first.day + 3 {
        let x = LEFT + slot * (last.day - first.day + 1) as f64;
        let _ =
            write!(svg, "<text class=\"tick\" x=\"{x:.1}\" y=\"172\" text-anchor=\"end\">{}</text>", date(last.day));
    }
    svg.push_str("</svg>");
    svg
}

/// Says a day in days since 1970.
pub(crate) fn date(day: i64) -> String {
    crate::words::moment_ms(day * 86_400_000).chars().take(10).collect()
}

/// Draws how much of something is used.
pub(crate) fn share(title: &str, used: u64, of: u64) -> String {
    let width = if of == 0 { 0.0 } else { (used as f64 / of as f64).clamp(0.0, 1.0) * 200.0 };
    let class = if of > 0 && used * 10 >= of * 9 { "fill-bad" } else { "fill-accent" };
    format!(
        "<svg class=\"share\" viewBox=\"0 0 200 8\" role=\"img\" aria-label=\"{0}\"><title>{0}</title>\
         <rect class=\"fill-rule\" width=\"200\" height=\"8\" rx=\"4\"/><rect class=\"{class}\" width=\"{width:.1}\" height=\"8\" rx=\"4\"/></svg>",
        escaped(title)
    )
}

/// One account of a person, for the picture of what they reach.
pub(crate) struct Held {
    /// Where, and the state as a class.
    pub connection: String,
    pub class: &'static str,
    /// What it was granted: the name, and whether that is privileged.
    pub grants: Vec<(String, bool)>,
}

/// Draws a person, their accounts, and what each account was granted.
pub(crate) fn reach(person: &str, held: &[Held]) -> String {
    const ROW: usize = 26;
    const GRANTS_MAX: usize = 8;
    let rows = |held: &Held| held.grants.len().clamp(1, GRANTS_MAX + 1);
    let height = held.iter().map(rows).sum::<usize>() * ROW + held.len() * 10 + 10;
    let title = format!("What {person} reaches: {} accounts", held.len());
    let mut svg = format!(
        "<svg class=\"reach\" viewBox=\"0 0 760 {height}\" role=\"img\" aria-label=\"{0}\"><title>{0}</title>",
        escaped(&title)
    );
    let middle = height / 2;
    let mut top = 10;
    let mut nodes = String::new();
    for held in held {
        let rows = rows(held);
        let at = top + rows * ROW / 2;
        edge(&mut svg, (176, middle), (290, at));
        node(&mut nodes, (290, at - 12), 170, held.class, &short(&held.connection, 22));
        for (row, (name, privileged)) in held.grants.iter().take(GRANTS_MAX).enumerate() {
            let y = top + row * ROW + ROW / 2;
            edge(&mut svg, (460, at), (560, y));
            let class = if *privileged { "node-bad" } else { "node" };
            let mark = if *privileged { "★ " } else { "" };
            node(&mut nodes, (560, y - 11), 190, class, &format!("{mark}{}", short(name, 25)));
        }
        if held.grants.len() > GRANTS_MAX {
            let y = top + GRANTS_MAX * ROW + ROW / 2;
            let more = format!("and {} more", held.grants.len() - GRANTS_MAX);
            let _ = write!(nodes, "<text class=\"tick\" x=\"566\" y=\"{}\">{more}</text>", y + 4);
        }
        top += rows * ROW + 10;
    }
    node(&mut nodes, (6, middle - 16), 170, "node-accent", &short(person, 22));
    svg.push_str(&nodes);
    svg.push_str("</svg>");
    svg
}

/// One thing that an app grants, for the picture of who holds it.
pub(crate) struct Granted {
    /// Its name.
    pub name: String,
    pub privileged: bool,
    /// Some who hold it.
    pub people: Vec<String>,
    /// How many more do.
    pub more: usize,
}

/// Draws an app, what it grants, and who holds that.
pub(crate) fn holders(app: &str, granted: &[Granted]) -> String {
    const ROW: usize = 26;
    let rows = |one: &Granted| (one.people.len() + usize::from(one.more > 0)).max(1);
    let height = granted.iter().map(rows).sum::<usize>() * ROW + granted.len() * 10 + 10;
    let title = format!("Who holds what in {app}: {} accounts and grants", granted.len());
    let mut svg = format!(
        "<svg class=\"reach\" viewBox=\"0 0 760 {height}\" role=\"img\" aria-label=\"{0}\"><title>{0}</title>",
        escaped(&title)
    );
    let (middle, mut top, mut nodes) = (height / 2, 10, String::new());
    for one in granted {
        let rows = rows(one);
        let at = top + rows * ROW / 2;
        edge(&mut svg, (176, middle), (260, at));
        let (class, mark) = if one.privileged { ("node-bad", "★ ") } else { ("node-good", "") };
        node(&mut nodes, (260, at - 11), 200, class, &format!("{mark}{}", short(&one.name, 26)));
        for (row, person) in one.people.iter().enumerate() {
            let y = top + row * ROW + ROW / 2;
            edge(&mut svg, (460, at), (540, y));
            node(&mut nodes, (540, y - 11), 210, "node", &short(person, 28));
        }
        if one.more > 0 {
            let y = top + one.people.len() * ROW + ROW / 2;
            let _ = write!(nodes, "<text class=\"tick\" x=\"546\" y=\"{}\">and {} more</text>", y + 4, one.more);
        }
        top += rows * ROW + 10;
    }
    node(&mut nodes, (6, middle - 16), 170, "node-accent", &short(app, 22));
    svg.push_str(&nodes);
    svg.push_str("</svg>");
    svg
}

fn edge(svg: &mut String, from: (usize, usize), to: (usize, usize)) {
    let middle = (from.0 + to.0) / 2;
    let _ = write!(
        svg,
        "<path class=\"edge\" d=\"M{} {} C{middle} {} {middle} {} {} {}\"/>",
        from.0, from.1, from.1, to.1, to.0, to.1
    );
}

fn node(svg: &mut String, at: (usize, usize), width: usize, class: &str, text: &str) {
    let height = if class == "node-accent" { 32 } else { 22 };
    let _ = write!(
        svg,
        "<rect class=\"{class}\" x=\"{}\" y=\"{}\" width=\"{width}\" height=\"{height}\" rx=\"6\"/>\
         <text class=\"label on-{class}\" x=\"{}\" y=\"{}\">{}</text>",
        at.0,
        at.1,
        at.0 + 10,
        at.1 + height / 2 + 4,
        escaped(text)
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    fn figure(word: &str, day: i64, amount: i64) -> Figure {
        Figure { word: word.into(), day, amount }
    }

    #[test]
    fn nothing_of_a_name_becomes_markup() {
        let held = Held { connection: "<b>".into(), class: "node", grants: vec![("\"><script>".into(), true)] };
        let svg = reach("Eve <img src=x>", &[held]);
        assert!(!svg.contains("<script") && !svg.contains("<img") && !svg.contains("<b>"), "{svg}");
        assert!(svg.contains("Eve &lt;img src=x&gt;"));
        let granted = Granted { name: "<b>".into(), privileged: true, people: vec!["<i>".into()], more: 3 };
        let svg = holders("<u>", &[granted]);
        assert!(!svg.contains("<b>") && !svg.contains("<i>") && !svg.contains("<u>"), "{svg}");
        assert!(svg.contains("★ &lt;b&gt;") && svg.contains("and 3 more"), "{svg}");
    }

    #[test]
    fn a_day_without_figures_leaves_a_gap_and_nothing_draws_nothing() {
        assert_eq!(days("accounts", &[], &[("active", "fill-good")]), "");
        let svg =
            days("accounts", &[figure("active", 20_000, 4), figure("active", 20_005, 8)], &[("active", "fill-good")]);
        assert_eq!(svg.matches("<rect").count(), 2);
        assert!(svg.contains("2024-10-04: 4 active"), "{svg}");
    }

    #[test]
    fn a_share_is_never_wider_than_the_whole() {
        assert!(share("seats", 30, 20).contains("width=\"200.0\""));
        assert!(share("seats", 0, 0).contains("width=\"0.0\""));
    }
}
