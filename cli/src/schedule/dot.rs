//! The schedule as a graph for graphviz: threads are clusters, slots are nodes, arrows are order; a dashed line joins two
//! slots of different threads that share hosts.

use std::collections::{BTreeMap, HashMap};
use std::fmt::{self, Display, Write as _};
use std::io::{self, Write};

use pogo_plan::{HostIdx, Plan};

use super::{duration, folded};

/// Most patterns named in a label.
const MAX_PATTERNS: usize = 8;

/// Writes the graph.
pub(crate) fn write(plan: &Plan, to: &mut dyn Write) -> io::Result<()> {
    writeln!(to, "digraph schedule {{\n  rankdir=LR;\n  node [shape=box];")?;
    let mut numbers = Vec::new();
    for (t, thread) in plan.threads.iter().enumerate() {
        writeln!(to, "  subgraph cluster_{t} {{\n    label=\"{}\";", Quoted(&thread.id))?;
        let mut before = None;
        for slot in &thread.slots {
            let n = numbers.len();
            numbers.push(slot);
            let label = format!("{}\n{}", slot.id, hosts(plan, &slot.hosts));
            writeln!(to, "    s{n} [label=\"{}\"];", Quoted(&label))?;
            if let Some((b, pause)) = before {
                match pause {
                    Some(pause) => writeln!(to, "    s{b} -> s{n} [label=\"pause {}\"];", duration(pause))?,
                    None => writeln!(to, "    s{b} -> s{n};")?,
                }
            }
            before = Some((n, slot.pause_after_ms));
        }
        writeln!(to, "  }}")?;
    }
    let mut last_slot: HashMap<HostIdx, usize> = HashMap::new();
    let mut ties: BTreeMap<(usize, usize), Vec<HostIdx>> = BTreeMap::new();
    for (n, slot) in numbers.iter().enumerate() {
        for &host in &slot.hosts {
            if let Some(before) = last_slot.insert(host, n) {
                ties.entry((before, n)).or_default().push(host);
            }
        }
    }
    for ((a, b), shared) in &ties {
        let label = hosts(plan, shared);
        writeln!(
            to,
            "  s{a} -> s{b} [style=dashed, dir=none, constraint=false, label=\"{}\"];",
            Quoted(&label)
        )?;
    }
    writeln!(to, "}}")
}

fn hosts(plan: &Plan, hosts: &[HostIdx]) -> String {
    if hosts.is_empty() {
        return "(no targets)".to_owned();
    }
    let patterns = folded(plan, hosts);
    let shown: Vec<&str> = patterns.iter().take(MAX_PATTERNS).map(String::as_str).collect();
    let more = if patterns.len() > MAX_PATTERNS {
        format!("\n… {} hosts in all", hosts.len())
    } else {
        String::new()
    };
    format!("{}{more}", shown.join("\n"))
}

/// The inside of a string of graphviz.
struct Quoted<'a>(&'a str);

impl Display for Quoted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for c in self.0.chars() {
            match c {
                '"' => f.write_str("\\\"")?,
                '\\' => f.write_str("\\\\")?,
                '\n' => f.write_str("\\n")?,
                c => f.write_char(c)?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use snapbox::{IntoData as _, str};

    #[test]
    fn threads_slots_order_and_ties() {
        let mut out = Vec::new();
        super::write(&super::super::testing::plan(), &mut out).unwrap();
        snapbox::assert_data_eq!(
            String::from_utf8(out).unwrap(),
            str![[r#"
digraph schedule {
  rankdir=LR;
  node [shape=box];
  subgraph cluster_0 {
    label="foo";
    s0 [label="foo.$colo.one\nhost[1-3]"];
    s1 [label="foo.$colo.two\nhost[4-6]"];
    s0 -> s1 [label="pause 1h30m"];
  }
  subgraph cluster_1 {
    label="bar";
    s2 [label="bar.$colo.three\nhost[7-9]\nhost1"];
    s3 [label="bar.none\n(no targets)"];
    s2 -> s3;
  }
  subgraph cluster_2 {
    label="unconstrained";
    s4 [label="unconstrained\n\"cache\""];
  }
  s0 -> s2 [style=dashed, dir=none, constraint=false, label="host1"];
}

"#]]
            .raw()
        );
    }
}
