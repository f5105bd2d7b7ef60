//! Specs of any size: ten colocations by two roles, a sequence over the colocations for each role, and a limit for each
//! colocation. Every host is written once.

/// How the hosts are written.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Shape {
    /// One a line.
    List,
    /// One pattern for each colocation and role.
    Pattern,
}

const COLOS: [&str; 10] = ["ams", "arn", "cdg", "fra", "gru", "iad", "lhr", "nrt", "sin", "sjc"];
const ROLES: [&str; 2] = ["front", "back"];

/// A spec with `n_hosts` hosts, at least one for each role of each colocation.
pub(crate) fn spec(n_hosts: usize, shape: Shape) -> String {
    let n_cells = COLOS.len() * ROLES.len();
    let n_hosts = n_hosts.max(n_cells);
    let mut text = String::with_capacity(2048 + if shape == Shape::List { n_hosts * 36 } else { 0 });
    let mut line = |words: &str| {
        text.push_str(words);
        text.push('\n');
    };
    line("tag:\n  colo:");
    let mut cell = 0;
    for colo in COLOS {
        line(&format!("    {colo}:"));
        for role in ROLES {
            line(&format!("      {role}:"));
            // What does not divide evenly goes to the first ones.
            let n_hosts = n_hosts / n_cells + usize::from(cell < n_hosts % n_cells);
            cell += 1;
            match shape {
                Shape::List => {
                    (1..=n_hosts)
                        .for_each(|number| line(&format!("        - {role}{number:05}.{colo}.example.com")));
                }
                Shape::Pattern => line(&format!("        - {role}[00001-{n_hosts:05}].{colo}.example.com")),
            }
        }
    }
    line("  role:");
    for role in ROLES {
        let values = COLOS.map(|colo| format!("$colo.{colo}.{role}"));
        line(&format!("    {role}: [ {} ]", values.join(", ")));
    }
    line("sequence:");
    for role in ROLES {
        line(&format!("  $role.{role}:"));
        COLOS.iter().for_each(|colo| line(&format!("    - $colo.{colo}")));
    }
    line("constraint:\n  $colo:\n    max_parallel: 10%");
    line("job:\n  command: uptime");
    text
}
