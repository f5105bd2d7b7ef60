//! The schedule as tables for people: threads and their slots, limits, and what the limits force.

use std::io::{self, Write};

use pogo_plan::{Plan, Rounds, Slot};

use super::table::{Cell, Table, frame, wrap};
use super::{cause, duration, folded, targets_of_limits};
use crate::report::plural;
use crate::terminal::{Style, columns, visible};

/// A column of slots is not made narrower than this to fit others beside it.
const WANTED: usize = 36;
/// A slot of fewer columns cannot be read.
const LEAST: usize = 16;

/// Writes all tables.
pub(crate) fn write(plan: &Plan, style: Style, to: &mut dyn Write) -> io::Result<()> {
    slots(plan, style, to)?;
    if !plan.limits.is_empty() {
        writeln!(to)?;
        limits(plan, style, to)?;
    }
    rounds(plan, style, to)
}

/// The text of a slot, not yet wrapped.
struct Words {
    id: String,
    hosts: Vec<String>,
    notes: Vec<String>,
}

impl Words {
    fn new(plan: &Plan, thread: &str, slot: &Slot) -> Self {
        let mut hosts = folded(plan, &slot.hosts);
        let last = hosts.len().saturating_sub(1);
        for host in hosts.iter_mut().take(last) {
            host.push(',');
        }
        if hosts.is_empty() && thread != "unconstrained" {
            hosts = vec!["(no".to_owned(), "targets)".to_owned()];
        }
        let pause = slot.pause_after_ms.map(|ms| format!("then pause {}", duration(ms)));
        let failures = slot.max_failures.map(|n| match n {
            0 => "halt at the first failure".to_owned(),
            n => format!("halt at more than {}", plural(n as usize, "failure")),
        });
        Self {
            id: format!("[{}]", visible(&slot.id)),
            hosts,
            notes: pause.into_iter().chain(failures).collect(),
        }
    }

    /// Columns on which nothing needs to be wrapped.
    fn width(&self) -> usize {
        let hosts = self.hosts.iter().map(|word| columns(word) + 1).sum::<usize>().saturating_sub(1);
        self.notes.iter().map(|note| columns(note)).fold(hosts.max(columns(&self.id)), usize::max)
    }

    fn cell(&self, width: usize) -> Cell {
        let mut cell = wrap([self.id.as_str()], width);
        cell.extend(wrap(self.hosts.iter().map(String::as_str), width));
        for note in &self.notes {
            cell.extend(wrap(note.split(' '), width));
        }
        cell
    }
}

fn slots(plan: &Plan, style: Style, to: &mut dyn Write) -> io::Result<()> {
    let threads: Vec<(String, Vec<Words>)> = plan
        .threads
        .iter()
        .map(|thread| {
            let slots = thread.slots.iter().map(|slot| Words::new(plan, &thread.id, slot));
            (visible(&thread.id).into_owned(), slots.collect())
        })
        .collect();
    let id_width =
        threads.iter().map(|(id, _)| columns(id)).max().unwrap_or(0).clamp(6, (style.width / 3).max(8));
    let n = threads.iter().map(|(_, slots)| slots.len()).max().unwrap_or(0);
    let natural: Vec<usize> = (0..n)
        .map(|at| {
            let widths = threads.iter().filter_map(|(_, slots)| slots.get(at)).map(Words::width);
            widths.max().unwrap_or(0).max(format!("slot-{}", at + 1).len())
        })
        .collect();
    for (block, range) in blocks(&natural, id_width, style.width).into_iter().enumerate() {
        let (first, widths) = range;
        let title = match (block, first + widths.len()) {
            (0, _) => "Schedule".to_owned(),
            (_, last) if last == first + 1 => format!("Schedule, slot {last}"),
            (_, last) => format!("Schedule, slots {} to {last}", first + 1),
        };
        let header = (0..widths.len()).map(|at| vec![format!("slot-{}", first + at + 1)]);
        let mut rows = vec![std::iter::once(vec!["Thread".to_owned()]).chain(header).collect::<Vec<Cell>>()];
        for (id, slots) in &threads {
            // A thread that has ended before this block is not shown in it again.
            if first > 0 && slots.len() <= first {
                continue;
            }
            let cells = widths
                .iter()
                .enumerate()
                .map(|(at, &width)| slots.get(first + at).map_or_else(Vec::new, |words| words.cell(width)));
            rows.push(std::iter::once(wrap([id.as_str()], id_width)).chain(cells).collect());
        }
        if block > 0 {
            writeln!(to)?;
        }
        Table { title, rows, ruled: true }.write(style, to)?;
    }
    Ok(())
}

/// Which slots stand side by side: for each block its first slot and the widths of its columns.
fn blocks(natural: &[usize], id_width: usize, total: usize) -> Vec<(usize, Vec<usize>)> {
    let room = |n: usize| total.saturating_sub(id_width + frame(n + 1));
    let mut blocks = Vec::new();
    let mut first = 0;
    while first < natural.len() {
        let mut widths: Vec<usize> = Vec::new();
        for &wish in natural.get(first..).unwrap_or_default() {
            let width = wish.min(WANTED);
            if !widths.is_empty() && widths.iter().sum::<usize>() + width > room(widths.len() + 1) {
                break;
            }
            widths.push(width);
        }
        let room = room(widths.len());
        // A single column may be wider than the rest of the terminal.
        for width in &mut widths {
            *width = (*width).min(room.max(LEAST));
        }
        let mut spare = room.saturating_sub(widths.iter().sum());
        for (width, &wish) in widths.iter_mut().zip(natural.get(first..).unwrap_or_default()) {
            let more = wish.saturating_sub(*width).min(spare);
            *width += more;
            spare -= more;
        }
        let n = widths.len();
        blocks.push((first, widths));
        first += n;
    }
    blocks
}

fn table(
    title: &str,
    header: &[&str],
    rows: Vec<Vec<String>>,
    style: Style,
    to: &mut dyn Write,
) -> io::Result<()> {
    // The first column takes what the others leave.
    let others: usize = (1..header.len())
        .map(|at| rows.iter().filter_map(|row| row.get(at)).map(|text| columns(text)).max().unwrap_or(0))
        .zip(header.iter().skip(1))
        .map(|(width, head)| head.lines().map(str::len).fold(width, usize::max))
        .sum();
    let first = style.width.saturating_sub(others + frame(header.len())).max(LEAST);
    let head = header.iter().map(|text| text.lines().map(str::to_owned).collect()).collect();
    let body = rows.into_iter().map(|row| {
        let cell =
            |(at, text): (usize, String)| if at == 0 { wrap([text.as_str()], first) } else { vec![text] };
        row.into_iter().enumerate().map(cell).collect()
    });
    let rows = std::iter::once(head).chain(body).collect();
    Table { title: title.to_owned(), rows, ruled: false }.write(style, to)
}

fn limits(plan: &Plan, style: Style, to: &mut dyn Write) -> io::Result<()> {
    let rows = plan.limits.iter().zip(targets_of_limits(plan)).map(|(limit, targets)| {
        vec![
            visible(&limit.id).into_owned(),
            limit.max_parallel.to_string(),
            visible(&limit.declared).into_owned(),
            limit.group_size.to_string(),
            targets.to_string(),
        ]
    });
    let header = ["Limit", "max out\nof service", "declared", "group\nsize", "targets"];
    table("Limits", &header, rows.collect(), style, to)
}

/// A line for each slot with hosts: how often the limits make it begin anew.
fn rounds(plan: &Plan, style: Style, to: &mut dyn Write) -> io::Result<()> {
    let rounds = Rounds::new(plan);
    let slots = plan
        .threads
        .iter()
        .zip(rounds.threads())
        .flat_map(|(thread, rounds)| thread.slots.iter().zip(rounds));
    let rows = slots.filter(|(slot, _)| !slot.hosts.is_empty()).map(|(slot, least)| {
        vec![
            visible(&slot.id).into_owned(),
            slot.hosts.len().to_string(),
            least.rounds.to_string(),
            visible(cause(plan, least.cause).unwrap_or("")).into_owned(),
        ]
    });
    writeln!(to)?;
    table("Least rounds", &["Slot", "hosts", "at least", "because of"], rows.collect(), style, to)
}

#[cfg(test)]
mod tests {
    use snapbox::{IntoData as _, str};

    use super::super::testing::plan;
    use super::*;

    fn rendered(style: Style) -> String {
        let mut out = Vec::new();
        write(&plan(), style, &mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn ascii_as_the_original() {
        snapbox::assert_data_eq!(
            rendered(Style::PLAIN),
            str![[r#"
.---------------------------------------------------------------.
|                           Schedule                            |
+---------------+-----------------------------+-----------------+
| Thread        | slot-1                      | slot-2          |
+---------------+-----------------------------+-----------------+
| foo           | [foo.$colo.one]             | [foo.$colo.two] |
|               | host[1-3]                   | host[4-6]       |
|               | then pause 1h30m            |                 |
|               | halt at more than 1 failure |                 |
+---------------+-----------------------------+-----------------+
| bar           | [bar.$colo.three]           | [bar.none]      |
|               | host[7-9], host1            | (no targets)    |
+---------------+-----------------------------+-----------------+
| unconstrained | [unconstrained]             |                 |
|               | "cache"                     |                 |
'---------------+-----------------------------+-----------------'

.-----------------------------------------------------.
|                       Limits                        |
+-----------+------------+----------+-------+---------+
| Limit     | max out    | declared | group | targets |
|           | of service |          | size  |         |
+-----------+------------+----------+-------+---------+
| $colo.one | 1          | 34%      | 3     | 3       |
| $colo.two | 2          | 2        | 3     | 3       |
'-----------+------------+----------+-------+---------'

.-------------------------------------------------.
|                  Least rounds                   |
+-----------------+-------+----------+------------+
| Slot            | hosts | at least | because of |
+-----------------+-------+----------+------------+
| foo.$colo.one   | 3     | 3        | $colo.one  |
| foo.$colo.two   | 3     | 2        | $colo.two  |
| bar.$colo.three | 4     | 1        |            |
| unconstrained   | 1     | 1        |            |
'-----------------+-------+----------+------------'

"#]]
            .raw()
        );
    }

    #[test]
    fn narrow_terminals_get_further_blocks() {
        let text = rendered(Style { width: 56, unicode: true, ..Style::PLAIN });
        assert!(text.lines().all(|line| columns(line) <= 56), "{text}");
        snapbox::assert_data_eq!(
            text,
            str![[r#"
╭─────────────────────────────────────────────╮
│                  Schedule                   │
├───────────────┬─────────────────────────────┤
│ Thread        │ slot-1                      │
├───────────────┼─────────────────────────────┤
│ foo           │ [foo.$colo.one]             │
│               │ host[1-3]                   │
│               │ then pause 1h30m            │
│               │ halt at more than 1 failure │
├───────────────┼─────────────────────────────┤
│ bar           │ [bar.$colo.three]           │
│               │ host[7-9], host1            │
├───────────────┼─────────────────────────────┤
│ unconstrained │ [unconstrained]             │
│               │ "cache"                     │
╰───────────────┴─────────────────────────────╯

╭──────────────────────────╮
│     Schedule, slot 2     │
├────────┬─────────────────┤
│ Thread │ slot-2          │
├────────┼─────────────────┤
│ foo    │ [foo.$colo.two] │
│        │ host[4-6]       │
├────────┼─────────────────┤
│ bar    │ [bar.none]      │
│        │ (no targets)    │
╰────────┴─────────────────╯

╭─────────────────────────────────────────────────────╮
│                       Limits                        │
├───────────┬────────────┬──────────┬───────┬─────────┤
│ Limit     │ max out    │ declared │ group │ targets │
│           │ of service │          │ size  │         │
├───────────┼────────────┼──────────┼───────┼─────────┤
│ $colo.one │ 1          │ 34%      │ 3     │ 3       │
│ $colo.two │ 2          │ 2        │ 3     │ 3       │
╰───────────┴────────────┴──────────┴───────┴─────────╯

╭─────────────────────────────────────────────────╮
│                  Least rounds                   │
├─────────────────┬───────┬──────────┬────────────┤
│ Slot            │ hosts │ at least │ because of │
├─────────────────┼───────┼──────────┼────────────┤
│ foo.$colo.one   │ 3     │ 3        │ $colo.one  │
│ foo.$colo.two   │ 3     │ 2        │ $colo.two  │
│ bar.$colo.three │ 4     │ 1        │            │
│ unconstrained   │ 1     │ 1        │            │
╰─────────────────┴───────┴──────────┴────────────╯

"#]]
            .raw()
        );
    }

    #[test]
    fn columns_share_the_width() {
        assert_eq!(blocks(&[10, 10], 6, 100), [(0, vec![10, 10])]);
        assert_eq!(blocks(&[10, 200], 6, 60), [(0, vec![10]), (1, vec![47])]);
        assert_eq!(blocks(&[200, 10], 6, 100), [(0, vec![74, 10])]);
        assert_eq!(blocks(&[500], 20, 40), [(0, vec![16])]);
    }
}
