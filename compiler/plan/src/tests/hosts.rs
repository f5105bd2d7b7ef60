//! The table of hosts.

use proptest::prelude::*;

use crate::{HostIdx, HostTable, Interned};

fn idx(index: usize) -> HostIdx {
    HostIdx::from_index(index).unwrap()
}

#[test]
fn numbers_are_dense_and_in_the_order_of_first_mention() {
    let mut table = HostTable::new();
    assert!(table.is_empty());
    assert_eq!(table.intern("b"), Some(Interned { host: idx(0), is_new: true, twin: None }));
    assert_eq!(table.intern("a"), Some(Interned { host: idx(1), is_new: true, twin: None }));
    assert_eq!(table.intern("b"), Some(Interned { host: idx(0), is_new: false, twin: None }));
    assert_eq!(table.len(), 2);
    assert_eq!(table.iter().collect::<Vec<_>>(), [(idx(0), "b"), (idx(1), "a")]);
    assert_eq!(format!("{table:?}"), r#"["b", "a"]"#);
}

#[test]
fn names_of_one_machine_are_twins() {
    let mut table = HostTable::new();
    let first = table.intern("Web1").unwrap().host;
    assert_eq!(table.intern("web1").unwrap().twin, Some(first));
    assert!(table.intern("web1.").unwrap().twin.is_some());
    assert_eq!(table.intern("web1").unwrap(), Interned { host: idx(1), is_new: false, twin: None });
    for other in ["web2", "web", "web1..", "web1a", "xWeb1"] {
        assert_eq!(table.intern(other).unwrap().twin, None, "{other}");
    }
    assert_eq!(table.twins().len(), 2);
    assert_eq!(table.twins()[0], (first, idx(1)));
    let (before, after) = table.twins()[1];
    assert!(before < after && table.name(after) == "web1.");
}

#[test]
fn names_that_only_hash_alike_are_no_twins() {
    // `@` and a backquote, and `[` and `{`, differ in the same bit as the cases of a letter do.
    let mut table = HostTable::new();
    for name in ["@", "`", "[", "{", "\u{0}", " "] {
        assert_eq!(table.intern(name).unwrap().twin, None);
    }
    assert_eq!(table.len(), 6);
}

#[test]
fn get_wants_the_exact_spelling() {
    let mut table = HostTable::new();
    let host = table.intern("Web1").unwrap().host;
    assert_eq!(table.get("Web1"), Some(host));
    assert_eq!(table.get("web1"), None);
    assert_eq!(table.get("Web1."), None);
    assert_eq!(table.get(""), None);
}

#[test]
fn a_number_of_another_table_has_no_name() {
    let mut table = HostTable::new();
    assert_eq!(table.name(idx(0)), "");
    table.intern("a").unwrap();
    assert_eq!(table.name(idx(1)), "");
    assert_eq!(HostIdx::from_index(usize::MAX), None);
}

proptest! {
    #[test]
    fn behaves_like_a_list_of_names(names in prop::collection::vec("[aAbB]{0,3}\\.?|[a-c]{7,18}", 0..60)) {
        let mut table = HostTable::new();
        let mut model: Vec<String> = Vec::new();
        let fold = |name: &str| name.strip_suffix('.').unwrap_or(name).to_ascii_lowercase();
        for name in &names {
            let known = model.iter().position(|other| other == name);
            let has_twin = known.is_none() && model.iter().any(|other| fold(other) == fold(name));
            let found = table.intern(name).unwrap();
            prop_assert_eq!(found.host.index(), known.unwrap_or(model.len()));
            prop_assert_eq!(found.is_new, known.is_none());
            prop_assert_eq!(found.twin.is_some(), has_twin);
            if known.is_none() {
                model.push(name.clone());
            }
        }
        table.shrink_to_fit();
        prop_assert_eq!(table.iter().map(|(_, name)| name).collect::<Vec<_>>(), model.iter().collect::<Vec<_>>());
        for (index, name) in model.iter().enumerate() {
            prop_assert_eq!(table.get(name).map(HostIdx::index), Some(index));
        }
    }
}
