//! How often each event occurs, by name.

use std::collections::HashMap;

/// Names beyond this are counted together; a kernel has about two thousand events.
const MOST: usize = 4_096;

/// What the others are counted as.
const OTHERS: &str = "(others)";

#[derive(Default)]
pub(super) struct Names {
    /// To the place in the list. It is looked up only, never walked.
    places: HashMap<Box<str>, usize>,
    list: Vec<(Box<str>, u64)>,
}

impl Names {
    pub(super) fn count(&mut self, name: &str) {
        if let Some(at) = self.places.get(name) {
            self.list[*at].1 += 1;
        } else if self.list.len() < MOST || name == OTHERS {
            self.places.insert(name.into(), self.list.len());
            self.list.push((name.into(), 1));
        } else {
            self.count(OTHERS);
        }
    }

    pub(super) fn any(&self, is: impl Fn(&str) -> bool) -> bool {
        self.list.iter().any(|(name, _)| is(name))
    }

    /// In the order in which they first occurred.
    pub(super) fn list(&self) -> &[(Box<str>, u64)] {
        &self.list
    }

    pub(super) fn into_sorted(mut self) -> Vec<(Box<str>, u64)> {
        self.list.sort();
        self.list
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_beyond_bounds_are_counted_together() {
        let mut names = Names::default();
        for n in 0..MOST + 10 {
            names.count(&n.to_string());
            names.count("0");
        }
        let list = names.into_sorted();
        assert_eq!(list.len(), MOST + 1);
        assert_eq!(list[0], (OTHERS.into(), 10));
        assert_eq!(list[1], ("0".into(), MOST as u64 + 11));
    }
}
