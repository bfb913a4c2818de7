//! The states that were reached, and how: for shortest counterexamples, and for what can still happen from a state.

use super::moves::Move;

/// Nobody's child.
const ROOT: u32 = u32::MAX;

/// Every state by its number. State 0 is where the run begins; numbers grow with depth.
#[derive(Clone, Debug)]
pub(super) struct Graph {
    cpus: usize,
    vcpus: usize,
    /// The state from which each was reached first, and the move.
    parents: Vec<u32>,
    moves: Vec<u16>,
    /// Successors of the states expanded so far, one after the other.
    edges: Vec<u32>,
    ends: Vec<u32>,
    /// Per state, a bit per vCPU: one of its moves starts that guest's handler.
    delivers: Vec<u8>,
    /// The guest has an interrupt coming.
    waits: Vec<u8>,
    /// And no timer runs any more that would bring it.
    expired: Vec<u8>,
}

impl Graph {
    pub(super) fn new(cpus: usize, vcpus: usize) -> Self {
        Self {
            cpus,
            vcpus,
            parents: vec![ROOT],
            moves: vec![0],
            edges: Vec::new(),
            ends: Vec::new(),
            delivers: Vec::new(),
            waits: vec![0],
            expired: vec![0],
        }
    }

    /// A new state.
    pub(super) fn add(&mut self, parent: u32, by: Move, waits: u8, expired: u8) {
        self.parents.push(parent);
        self.moves.push(by.index(self.cpus, self.vcpus));
        self.waits.push(waits);
        self.expired.push(expired);
    }

    /// A move from the state that is being expanded.
    #[inline]
    pub(super) fn edge(&mut self, to: u32) {
        self.edges.push(to);
    }

    /// The state is expanded.
    pub(super) fn close(&mut self, delivers: u8) {
        self.ends.push(self.edges.len() as u32);
        self.delivers.push(delivers);
    }

    /// Bytes of memory; [`Graph::can_deliver`] takes about as much again.
    pub(super) fn bytes(&self) -> usize {
        let words = self.parents.capacity() + self.edges.capacity() + self.ends.capacity();
        let bytes = self.delivers.capacity() + self.waits.capacity() + self.expired.capacity();
        4 * words + 2 * self.moves.capacity() + bytes
    }

    pub(super) fn edges(&self) -> usize {
        self.edges.len()
    }

    /// The moves that lead to a state.
    pub(super) fn path_to(&self, state: u32) -> Vec<Move> {
        let mut path = Vec::new();
        let mut at = state;
        while self.parents[at as usize] != ROOT {
            path.push(Move::from_index(self.moves[at as usize], self.cpus, self.vcpus));
            at = self.parents[at as usize];
        }
        path.reverse();
        path
    }

    /// The first state, and the vCPU, from which no state can be reached any more in which the guest's handler starts,
    /// though it has an interrupt coming. Of such states, one in which the timer's part is over if there is one.
    pub(super) fn stranded(&self) -> Option<(u32, usize)> {
        let good = self.can_deliver();
        let bad = |state: usize| self.waits[state] & !good[state];
        let first = |wanted: &dyn Fn(usize) -> u8| {
            let state = (0..good.len()).find(|state| wanted(*state) != 0)?;
            Some((state as u32, wanted(state).trailing_zeros() as usize))
        };
        first(&|state| bad(state) & self.expired[state]).or_else(|| first(&bad))
    }

    /// Per state, a bit per vCPU: a state can be reached in which that guest's handler starts. Every state is expanded.
    fn can_deliver(&self) -> Vec<u8> {
        let states = self.ends.len();
        let mut good = self.delivers.clone();
        // Predecessors, as successors are kept.
        let mut begins = vec![0u32; states + 1];
        for to in &self.edges {
            begins[*to as usize + 1] += 1;
        }
        for state in 0..states {
            begins[state + 1] += begins[state];
        }
        let mut fill = begins.clone();
        let mut sources = vec![0u32; self.edges.len()];
        let mut from = 0;
        for (i, to) in self.edges.iter().enumerate() {
            while self.ends[from] as usize <= i {
                from += 1;
            }
            let place = &mut fill[*to as usize];
            sources[*place as usize] = from as u32;
            *place += 1;
        }
        // Back to front first: most moves lead to higher numbers.
        let mut work: Vec<u32> = (0..states as u32).filter(|state| good[*state as usize] != 0).collect();
        while let Some(state) = work.pop() {
            let reach = good[state as usize];
            let of = begins[state as usize] as usize..begins[state as usize + 1] as usize;
            for source in &sources[of] {
                let source = *source as usize;
                if good[source] | reach != good[source] {
                    good[source] |= reach;
                    work.push(source as u32);
                }
            }
        }
        good
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::machine::Actor;
    use crate::units::CpuId;

    #[test]
    fn a_state_from_which_nothing_is_delivered_is_found_with_its_path() {
        // 0 → 1 → 3 (delivers), 0 → 2 → 2.
        let mut graph = Graph::new(1, 1);
        let (a, b) = (Move::Step(Actor::Irq(CpuId(0))), Move::Drain(CpuId(0)));
        for (parent, by) in [(0, a), (0, b), (1, Move::Time)] {
            graph.add(parent, by, 1, u8::from(by == b));
        }
        for (state, to) in [(0, [1, 2]), (1, [3, 3]), (2, [2, 2]), (3, [3, 3])] {
            for to in to {
                graph.edge(to);
            }
            graph.close(u8::from(state == 3));
        }
        assert_eq!(graph.can_deliver(), [1, 1, 0, 1]);
        assert_eq!(graph.stranded(), Some((2, 0)));
        assert_eq!(graph.path_to(2), [b]);
        assert_eq!(graph.path_to(3), [a, Move::Time]);
    }
}
