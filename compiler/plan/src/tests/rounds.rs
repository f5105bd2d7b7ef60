//! The least number of rounds.

use super::{limit, plan};
use crate::{
    Rounds,
    rounds::{Cause, Least},
};

#[test]
fn a_limit_forces_rounds() {
    let mut plan = plan("a b c d e f g", "x: a b c d e / f /");
    limit(&mut plan, "$two", 2, "a b c d e z");
    limit(&mut plan, "$wide", 5, "a b c d e f g");
    limit(&mut plan, "$one", 1, "f a y z");
    let rounds = Rounds::new(&plan);
    let least = |rounds, cause| Least { rounds, cause };
    assert_eq!(rounds.get(0, 0), Some(least(3, Cause::Limit(0))));
    assert_eq!(rounds.get(0, 1), Some(least(1, Cause::Nothing)));
    assert_eq!(rounds.get(0, 2), Some(least(0, Cause::Nothing)));
    assert_eq!(rounds.get(1, 0), Some(least(1, Cause::Nothing)));
    assert_eq!(rounds.get(1, 1), None);
    assert_eq!(rounds.get(2, 0), None);
    let each = plan
        .threads
        .iter()
        .map(|thread| thread.slots.iter().map(|slot| plan.least_rounds(slot)).collect::<Vec<_>>());
    assert!(each.eq(rounds.threads().map(<[Least]>::to_vec)));
}

#[test]
fn of_equal_causes_the_first_is_named() {
    let mut plan = plan("a b c d", "");
    limit(&mut plan, "$p", 2, "d c b a");
    limit(&mut plan, "$q", 2, "a b c d");
    plan.job.concurrent = Some(2);
    assert_eq!(Rounds::new(&plan).get(0, 0), Some(Least { rounds: 2, cause: Cause::Limit(0) }));
    plan.job.concurrent = Some(1);
    assert_eq!(Rounds::new(&plan).get(0, 0), Some(Least { rounds: 4, cause: Cause::Concurrent }));
}
