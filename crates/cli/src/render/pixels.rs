//! A figure as pixels. Text is drawn with fonts that are part of the program, so that no machine draws another picture.

use super::Job;
use crate::error::Failure;
use png::{BitDepth, ColorType, Encoder};
use resvg::tiny_skia::{Pixmap, Transform};
use resvg::usvg::{Options, Tree};
use scene::Drawn;
use std::io::{self, Write};
use std::sync::Arc;

/// Regular, bold, monospaced; `fonts/README.md` says where they come from.
const FONTS: [&[u8]; 3] = [
    include_bytes!("../../fonts/DejaVuSans.ttf"),
    include_bytes!("../../fonts/DejaVuSans-Bold.ttf"),
    include_bytes!("../../fonts/DejaVuSansMono.ttf"),
];

/// More would be hundreds of megabytes of memory.
const MOST_PIXELS: u64 = 64 << 20;

/// A picture, three bytes a pixel, rows from the top.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Pixels {
    pub(super) width: u32,
    pub(super) height: u32,
    pub(super) rgb: Vec<u8>,
}

/// Turns figures into pixels.
pub(super) struct Painter {
    options: Options<'static>,
    scale: u32,
}

impl Painter {
    pub(super) fn new(scale: u32) -> Self {
        let mut options = Options { font_family: "DejaVu Sans".to_owned(), ..Options::default() };
        let fonts = options.fontdb_mut();
        for font in FONTS {
            fonts.load_font_source(resvg::usvg::fontdb::Source::Binary(Arc::new(font)));
        }
        fonts.set_sans_serif_family("DejaVu Sans");
        fonts.set_serif_family("DejaVu Sans");
        fonts.set_monospace_family("DejaVu Sans Mono");
        Self { options, scale }
    }

    /// Pixels of a picture of this size.
    pub(super) fn size(&self, width: u32, height: u32) -> Result<(u32, u32), Failure> {
        let (width, height) = (width.saturating_mul(self.scale), height.saturating_mul(self.scale));
        if u64::from(width) * u64::from(height) > MOST_PIXELS {
            let problem = format!("the picture would have {width} × {height} pixels");
            return Err(Failure::value("--scale", problem, "a smaller --width or --scale, or --paths with fewer"));
        }
        Ok((width, height))
    }

    /// Draws a figure.
    pub(super) fn paint(&self, drawn: &Drawn) -> Result<Pixels, Failure> {
        let tree = Tree::from_str(&drawn.svg, &self.options)?;
        let (width, height) = self.size(drawn.width, drawn.height)?;
        let mut pixmap = Pixmap::new(width, height).ok_or(Failure::Figure(resvg::usvg::Error::InvalidSize))?;
        let scale = self.scale as f32;
        resvg::render(&tree, Transform::from_scale(scale, scale), &mut pixmap.as_mut());
        // The paper covers everything, so that no pixel is transparent.
        let rgb = pixmap.data().chunks_exact(4).flat_map(|pixel| [pixel[0], pixel[1], pixel[2]]).collect();
        Ok(Pixels { width, height, rgb })
    }
}

/// An encoder with the picture's words in it.
pub(super) fn encoder<W: Write>(
    out: W,
    (width, height): (u32, u32),
    alt: &str,
) -> Result<Encoder<'static, W>, Failure> {
    let mut encoder = Encoder::new(out, width, height);
    encoder.set_color(ColorType::Rgb);
    encoder.set_depth(BitDepth::Eight);
    let text = [("Software", concat!("Exitless ", env!("CARGO_PKG_VERSION"))), ("Description", alt)];
    for (keyword, text) in text {
        encoder.add_itxt_chunk(keyword.to_owned(), text.to_owned()).map_err(io::Error::from)?;
    }
    Ok(encoder)
}

pub(super) fn png(job: &Job<'_>, out: &mut impl Write) -> Result<(), Failure> {
    let drawn = job.drawn();
    let pixels = Painter::new(job.args.scale.unwrap_or(2)).paint(&drawn)?;
    let encoder = encoder(out, (pixels.width, pixels.height), &drawn.alt)?;
    let mut writer = encoder.write_header().map_err(io::Error::from)?;
    writer.write_image_data(&pixels.rgb).map_err(io::Error::from)?;
    Ok(writer.finish().map_err(io::Error::from)?)
}
