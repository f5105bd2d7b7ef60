use super::*;

#[test]
fn thousands_of_random_schedules_keep_every_promise() {
    for seed in 0..3_000 {
        if let Err(failure) = run(&Scenario::new(seed, Size::default()), None, false) {
            let (seed, size, short) = shrink(seed, Size::default(), None).unwrap();
            panic!("seed {seed} of {size:?}: {}\n{}\n{}", failure.what, short.what, short.log.join("\n"));
        }
    }
}

#[test]
fn the_same_seed_gives_the_same_log() {
    for seed in 0..100 {
        let scenario = Scenario::new(seed, Size::default());
        assert_eq!(run(&scenario, None, true), run(&scenario, None, true), "seed {seed}");
    }
}

#[test]
fn hundreds_of_random_schedules_over_a_shared_log_keep_every_promise() {
    for seed in 0..600 {
        if let Err(failure) = run(&Scenario::new(seed, Size::shared()), None, false) {
            let (seed, size, short) = shrink(seed, Size::shared(), None).unwrap();
            panic!("seed {seed} of {size:?}: {}\n{}\n{}", failure.what, short.what, short.log.join("\n"));
        }
    }
}

#[test]
fn nobody_in_a_crowd_is_passed_over_forever() {
    for seed in 0..300 {
        if let Err(failure) = run(&Scenario::new(seed, Size::crowd()), None, false) {
            let (seed, size, short) = shrink(seed, Size::crowd(), None).unwrap();
            panic!("seed {seed} of {size:?}: {}\n{}\n{}", failure.what, short.what, short.log.join("\n"));
        }
    }
}

/// Each of these has lived in somebody's scheduler. The simulator must notice every one.
#[test]
fn every_planted_fault_is_noticed() {
    const SEEDS: u64 = 5_000;
    let noticed_at = |fault: Fault| {
        let size = Size::for_fault(fault);
        (0..SEEDS).find(|&seed| run(&Scenario::new(seed, size), Some(fault), false).is_err())
    };
    let unnoticed: Vec<Fault> =
        Fault::ALL.iter().copied().filter(|&fault| noticed_at(fault).is_none()).collect();
    assert!(Fault::ALL.len() >= 20);
    assert!(unnoticed.is_empty(), "unnoticed within {SEEDS} seeds: {unnoticed:?}");
}
