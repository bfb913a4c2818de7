//! Time top to bottom, a column per core.

use super::layout::Canvas;
use crate::display::DisplayList;

pub(super) fn draw(c: Canvas<'_>) -> DisplayList {
    super::wide::draw(c)
}
