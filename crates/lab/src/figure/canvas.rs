//! Plots on a canvas that no document has: plotters-canvas, with what a worker needs instead of a document.

use super::Figure;
use super::draw;
use plotters::prelude::{DrawingBackend, IntoDrawingArea as _};
use plotters_backend::{BackendColor, BackendCoord, BackendStyle, BackendTextStyle, DrawingErrorKind};
use plotters_canvas::CanvasBackend;
use wasm_bindgen::JsCast;
use wasm_bridge::worker::picture::{Canvas, Picture};
use web_sys::{ImageBitmap, OffscreenCanvas, OffscreenCanvasRenderingContext2d};

/// Draws a figure; `None` where the browser has no such canvas.
pub(crate) fn picture(figure: Figure, canvas: &Canvas) -> Option<(Picture, ImageBitmap)> {
    let size = (canvas.width, draw::height(&figure.plot));
    let pixels = |css: u32| whole((f64::from(css) * canvas.ratio).round().max(1.0));
    let place = OffscreenCanvas::new(pixels(size.0), pixels(size.1)).ok()?;
    let context: OffscreenCanvasRenderingContext2d = place.get_context("2d").ok()??.dyn_into().ok()?;
    context.scale(canvas.ratio, canvas.ratio).ok()?;
    // It knows the canvas of a document alone; what it asks of it, its size and its context, this one has too.
    let inner = CanvasBackend::with_canvas_object(place.clone().unchecked_into())?;
    let root = Board { inner, context, size }.into_drawing_area();
    let marks = draw::plot(&figure.plot, &root, &canvas.inks).ok()?;
    drop(root);
    let bitmap = place.transfer_to_image_bitmap().ok()?;
    Some((Picture { size, marks, table: figure.table }, bitmap))
}

/// So many pixels; what is below 0 is none.
#[allow(clippy::cast_sign_loss, reason = "the cast saturates")]
fn whole(pixels: f64) -> u32 {
    pixels as u32
}

/// The canvas in CSS pixels, which measures words by itself: plotters would ask the document.
struct Board {
    inner: CanvasBackend,
    context: OffscreenCanvasRenderingContext2d,
    size: (u32, u32),
}

type Done = Result<(), DrawingErrorKind<<CanvasBackend as DrawingBackend>::ErrorType>>;

impl DrawingBackend for Board {
    type ErrorType = <CanvasBackend as DrawingBackend>::ErrorType;

    fn get_size(&self) -> (u32, u32) {
        self.size
    }

    fn ensure_prepared(&mut self) -> Done {
        self.inner.ensure_prepared()
    }

    fn present(&mut self) -> Done {
        self.inner.present()
    }

    fn draw_pixel(&mut self, point: BackendCoord, color: BackendColor) -> Done {
        self.inner.draw_pixel(point, color)
    }

    fn draw_line<S: BackendStyle>(&mut self, from: BackendCoord, to: BackendCoord, style: &S) -> Done {
        self.inner.draw_line(from, to, style)
    }

    fn draw_rect<S: BackendStyle>(&mut self, from: BackendCoord, to: BackendCoord, style: &S, fill: bool) -> Done {
        self.inner.draw_rect(from, to, style, fill)
    }

    fn draw_path<S: BackendStyle, I: IntoIterator<Item = BackendCoord>>(&mut self, path: I, style: &S) -> Done {
        self.inner.draw_path(path, style)
    }

    fn draw_circle<S: BackendStyle>(&mut self, center: BackendCoord, radius: u32, style: &S, fill: bool) -> Done {
        self.inner.draw_circle(center, radius, style, fill)
    }

    fn fill_polygon<S: BackendStyle, I: IntoIterator<Item = BackendCoord>>(&mut self, path: I, style: &S) -> Done {
        self.inner.fill_polygon(path, style)
    }

    fn draw_text<S: BackendTextStyle>(&mut self, text: &str, style: &S, at: BackendCoord) -> Done {
        self.inner.draw_text(text, style, at)
    }

    fn estimate_text_size<S: BackendTextStyle>(
        &self,
        text: &str,
        style: &S,
    ) -> Result<(u32, u32), DrawingErrorKind<Self::ErrorType>> {
        let size = style.size();
        self.context.set_font(&[&size.to_string(), "px ", style.family().as_str()].concat());
        let width = self.context.measure_text(text).map_or(0.6 * size * text.chars().count() as f64, |m| m.width());
        Ok((whole(width.ceil()), whole(size.ceil())))
    }
}
