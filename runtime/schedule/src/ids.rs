//! Dense numbers inside one plan.

use pogo_plan::{HostIdx, Plan, Slot};

/// A thread of a plan, in plan order.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct ThreadIdx(pub u32);

/// A slot of a plan, counted over all threads in plan order.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct SlotIdx(pub u32);

/// The slot in which targets run first that were out of service before a job with `recover: true`. It comes before all
/// threads and is no part of the plan; its number is none of a plan's.
pub const RECOVERY: SlotIdx = SlotIdx(u32::MAX);

/// The name of [`RECOVERY`].
pub const RECOVERY_NAME: &str = "recovery";

/// The slots of a plan by their numbers, and the slots of each host.
#[derive(Clone, Debug)]
pub struct Slots {
    places: Vec<(u32, u32)>,
    starts: Vec<u32>,
    of_host: Vec<u32>,
}

impl Slots {
    /// Numbers the slots of a plan.
    #[must_use]
    pub fn new(plan: &Plan) -> Self {
        let places: Vec<(u32, u32)> = plan
            .threads
            .iter()
            .zip(0..)
            .flat_map(|(thread, at)| thread.slots.iter().zip(0..).map(move |(_, index)| (at, index)))
            .collect();
        let mut starts = vec![0u32; plan.hosts.len() + 1];
        let members = || plan.threads.iter().flat_map(|thread| &thread.slots).zip(0u32..);
        for (slot, _) in members() {
            for host in &slot.hosts {
                if let Some(count) = starts.get_mut(host.index() + 1) {
                    *count += 1;
                }
            }
        }
        let mut sum = 0;
        for start in &mut starts {
            sum += *start;
            *start = sum;
        }
        let mut of_host = vec![0; sum as usize];
        let mut next = starts.clone();
        for (slot, number) in members() {
            for host in &slot.hosts {
                if let Some(at) = next.get_mut(host.index()) {
                    if let Some(place) = of_host.get_mut(*at as usize) {
                        *place = number;
                    }
                    *at += 1;
                }
            }
        }
        Self { places, starts, of_host }
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.places.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.places.is_empty()
    }

    /// All slots with their threads, in plan order.
    pub fn iter(&self) -> impl Iterator<Item = (ThreadIdx, SlotIdx)> + '_ {
        self.places.iter().zip(0..).map(|(&(thread, _), slot)| (ThreadIdx(thread), SlotIdx(slot)))
    }

    /// The thread of a slot.
    #[must_use]
    pub fn thread(&self, slot: SlotIdx) -> Option<ThreadIdx> {
        self.places.get(slot.0 as usize).map(|&(thread, _)| ThreadIdx(thread))
    }

    /// The slot with a number.
    #[must_use]
    pub fn get<'a>(&self, plan: &'a Plan, slot: SlotIdx) -> Option<&'a Slot> {
        let &(thread, index) = self.places.get(slot.0 as usize)?;
        plan.threads.get(thread as usize)?.slots.get(index as usize)
    }

    /// The id of a slot.
    #[must_use]
    pub fn name<'a>(&self, plan: &'a Plan, slot: SlotIdx) -> &'a str {
        self.get(plan, slot).map_or(RECOVERY_NAME, |slot| slot.id.as_str())
    }

    /// The slots of a host.
    pub fn of(&self, host: HostIdx) -> impl Iterator<Item = SlotIdx> + '_ {
        let start = self.starts.get(host.index()).copied().unwrap_or(0) as usize;
        let end = self.starts.get(host.index() + 1).copied().unwrap_or(0) as usize;
        self.of_host.get(start..end).unwrap_or(&[]).iter().map(|&slot| SlotIdx(slot))
    }
}
