//! Faults that the simulator may plant in the machines, to prove that it would notice them.
//!
//! Outside the simulator [`Faults`] is empty, its `has` is `false` at compile time, and nothing of this is left.

/// A mistake that somebody could have made in a machine.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Fault {
    /// The ledger frees the places of a host twice.
    ReleaseTwice,
    /// A halting job forgets to call off retries.
    DroppedCancel,
    /// A slot is done with one host to go.
    SlotDoneEarly,
    /// A grant gets lost in the job.
    LostGrant,
    /// The ledger grants the newest of a group first, and never lets anybody go ahead who was passed over.
    UnfairQueue,
    /// A host in several slots starts when the first of them opens.
    StartBeforeOpen,
    /// An attempt of which nobody saw the end is made again.
    RetryUnknown,
    /// `concurrent` and `ramp` are not looked at.
    InFlightIgnored,
    /// `stagger` is not looked at.
    StaggerIgnored,
    /// Skipping a bad host puts it back in service.
    SkipReleases,
    /// The end of a job puts its bad hosts back in service.
    EndReleases,
    /// A timer that was replaced is obeyed.
    StaleTimer,
    /// A bad host is done for sequences although the job holds.
    FailureCountsAsDone,
    /// A job is held by its own limits only.
    OthersLimitsIgnored,
    /// A freed place wakes nobody.
    ReleaseWakesNobody,
    /// A host in two slots is claimed for each of them.
    ClaimedPerSlot,
    /// A halting job starts what is granted to it.
    StartAfterHalt,
    /// The second of a host's limits is not looked at.
    OnlyFirstLimit,
    /// A failed attempt puts the host back in service.
    FailureReleases,
    /// `pause_after` is not looked at.
    PauseIgnored,
    /// A plain success puts a host back in service that another job took out.
    AnySuccessRestores,
    /// Two jobs run on one host at once.
    HostShared,
    /// The number of attempts is not looked at.
    EndlessRetries,
    /// The time before a further attempt is not waited for.
    BackoffIgnored,
    /// A host with an attempt nobody saw end is taken over by another job.
    UnknownTakenOver,
    /// After a crash, an attempt without an end is made again instead of being unknown.
    CrashForgetsRunning,
    /// After a crash, a host that succeeded runs again.
    CrashForgetsSuccess,
    /// Limits count the hosts of their own job only.
    CountsOwnHostsOnly,
    /// The deadline is obeyed in half its time.
    EarlyDeadline,
    /// `max_failures` is not looked at.
    MaxFailuresIgnored,
    /// The ramp's step ends with a failure too.
    RampCountsFailures,
    /// A job that nothing can move is not told so.
    NeverBlocked,
    /// A job says that it is blocked while another one may still move it.
    BlockedTooSoon,
    /// Whoever is looked at anew goes before those who wait for a freed place, however long these have waited.
    NewcomersFirst,
    /// Nobody goes first, however long others have gone before.
    NeverGoesFirst,
    /// A host is granted to a job whose owner is seen to be gone.
    GrantedToTheDead,
    /// What was granted to a dead owner, and never begun, is not given back when the job is taken up.
    KeptForTheDead,
    /// When a job is taken up, hosts are given back on which attempts had begun.
    ReturnsBegun,
    /// A process writes facts of jobs that it does not own.
    ForeignFact,
    /// A replica leaves out an operation of the log.
    OperationSkipped,
    /// A process acts on effects before they are on record.
    ActsBeforeCommit,
    /// A wake-up that gets lost is not made up for by a poll.
    WakeUpLost,
}

#[cfg(any(test, feature = "sim"))]
impl Fault {
    /// Every one of them.
    pub const ALL: &[Self] = &[
        Self::ReleaseTwice,
        Self::DroppedCancel,
        Self::SlotDoneEarly,
        Self::LostGrant,
        Self::UnfairQueue,
        Self::StartBeforeOpen,
        Self::RetryUnknown,
        Self::InFlightIgnored,
        Self::StaggerIgnored,
        Self::SkipReleases,
        Self::EndReleases,
        Self::StaleTimer,
        Self::FailureCountsAsDone,
        Self::OthersLimitsIgnored,
        Self::ReleaseWakesNobody,
        Self::ClaimedPerSlot,
        Self::StartAfterHalt,
        Self::OnlyFirstLimit,
        Self::FailureReleases,
        Self::PauseIgnored,
        Self::AnySuccessRestores,
        Self::HostShared,
        Self::EndlessRetries,
        Self::BackoffIgnored,
        Self::UnknownTakenOver,
        Self::CrashForgetsRunning,
        Self::CrashForgetsSuccess,
        Self::CountsOwnHostsOnly,
        Self::EarlyDeadline,
        Self::MaxFailuresIgnored,
        Self::RampCountsFailures,
        Self::NeverBlocked,
        Self::BlockedTooSoon,
        Self::NewcomersFirst,
        Self::NeverGoesFirst,
        Self::GrantedToTheDead,
        Self::KeptForTheDead,
        Self::ReturnsBegun,
        Self::ForeignFact,
        Self::OperationSkipped,
        Self::ActsBeforeCommit,
        Self::WakeUpLost,
    ];

    /// Whether it is one of a ledger that several processes share.
    #[must_use]
    pub const fn is_of_sharing(self) -> bool {
        matches!(
            self,
            Self::GrantedToTheDead
                | Self::KeptForTheDead
                | Self::ReturnsBegun
                | Self::ForeignFact
                | Self::OperationSkipped
                | Self::ActsBeforeCommit
                | Self::WakeUpLost
        )
    }
}

/// The faults planted in one machine.
#[derive(Clone, Copy, Default, Debug)]
pub struct Faults {
    #[cfg(any(test, feature = "sim"))]
    planted: Option<Fault>,
}

impl Faults {
    /// Plants one.
    #[cfg(any(test, feature = "sim"))]
    #[must_use]
    pub const fn planted(fault: Option<Fault>) -> Self {
        Self { planted: fault }
    }

    #[cfg(any(test, feature = "sim"))]
    #[inline]
    pub(crate) fn has(self, fault: Fault) -> bool {
        self.planted == Some(fault)
    }

    #[cfg(not(any(test, feature = "sim")))]
    #[inline]
    pub(crate) const fn has(self, _: Fault) -> bool {
        false
    }
}
