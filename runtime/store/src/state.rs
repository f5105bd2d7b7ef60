//! A job's state as a number in the database. Numbers below 16 are of unfinished jobs.

use pogo_plan::outcome::JobState;

/// The first number of a job that has ended.
pub(crate) const ENDED: i64 = 16;

pub(crate) const fn code(state: JobState) -> i64 {
    match state {
        JobState::Running => 0,
        JobState::Halting => 1,
        JobState::Succeeded => 16,
        JobState::Failed => 17,
        JobState::Blocked => 18,
        JobState::Halted => 19,
    }
}

pub(crate) const fn of(code: i64) -> Option<JobState> {
    Some(match code {
        0 => JobState::Running,
        1 => JobState::Halting,
        16 => JobState::Succeeded,
        17 => JobState::Failed,
        18 => JobState::Blocked,
        19 => JobState::Halted,
        _ => return None,
    })
}
