//! What was, for undo and redo.

/// Most changes that can be taken back.
const MOST: usize = 200;

/// States before and after the present one, each with what was changed.
#[derive(Debug)]
pub(crate) struct Undo<T> {
    past: Vec<(&'static str, T)>,
    future: Vec<(&'static str, T)>,
}

impl<T> Default for Undo<T> {
    fn default() -> Self {
        Self { past: Vec::new(), future: Vec::new() }
    }
}

impl<T> Undo<T> {
    /// Something was changed; this is how it was before. What had been taken back is gone.
    pub(crate) fn changed(&mut self, what: &'static str, before: T) {
        self.future.clear();
        if self.past.len() == MOST {
            self.past.remove(0);
        }
        self.past.push((what, before));
    }

    /// Takes the last change back, given how things are; returns what it was and how things were before.
    pub(crate) fn undo(&mut self, now: T) -> Result<(&'static str, T), T> {
        Self::turn(&mut self.past, &mut self.future, now)
    }

    /// Makes the change again that was taken back last.
    pub(crate) fn redo(&mut self, now: T) -> Result<(&'static str, T), T> {
        Self::turn(&mut self.future, &mut self.past, now)
    }

    fn turn(
        from: &mut Vec<(&'static str, T)>,
        to: &mut Vec<(&'static str, T)>,
        now: T,
    ) -> Result<(&'static str, T), T> {
        let Some((what, then)) = from.pop() else { return Err(now) };
        to.push((what, now));
        Ok((what, then))
    }

    /// What would be taken back, and what made again.
    pub(crate) fn offers(&self) -> [Option<&'static str>; 2] {
        [&self.past, &self.future].map(|list| list.last().map(|(what, _)| *what))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn back_and_forth_until_something_else_is_changed() {
        let mut undo = Undo::default();
        undo.changed("a", 0);
        undo.changed("b", 1);
        assert_eq!(undo.undo(2), Ok(("b", 1)));
        assert_eq!(undo.undo(1), Ok(("a", 0)));
        assert_eq!(undo.undo(0), Err(0), "nothing is left");
        assert_eq!(undo.redo(0), Ok(("a", 1)));
        assert_eq!(undo.offers(), [Some("a"), Some("b")]);
        undo.changed("c", 1);
        assert_eq!((undo.redo(7), undo.offers()), (Err(7), [Some("c"), None]));
    }

    #[test]
    fn it_does_not_grow_without_end() {
        let mut undo = Undo::default();
        (0..MOST + 5).for_each(|i| undo.changed("x", i));
        assert_eq!(undo.past.len(), MOST);
        assert_eq!(undo.undo(0), Ok(("x", MOST + 4)));
    }
}
