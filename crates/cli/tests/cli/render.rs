//! `exitless render`: figures, pixels, mails, narration and cards, each read back by a reader that others wrote.

use crate::{json, run, stdout};
use apic_core::link;
use apic_core::run::Lockstep;
use apic_core::scenario::preset;
use base64::Engine as _;
use png::{Decoder, Transformations};
use pulldown_cmark::{Event, Options, Parser, Tag, TagEnd};
use scene::export::{each_beat, told};
use std::collections::BTreeMap;
use std::io::Cursor;
use std::path::PathBuf;

const NAME: &str = "pinned-vs-offloaded";

/// What it writes to standard output, which need not be text.
#[track_caller]
fn bytes(args: &[&str]) -> Vec<u8> {
    let output = run(args, b"");
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{args:?}: {errors}");
    output.stdout
}

fn lockstep(name: &str) -> Lockstep {
    Lockstep::new(&preset(name).expect("it ships"))
}

fn opened(name: &str) -> Lockstep {
    let mut run = lockstep(name);
    run.seek(run.opening());
    run
}

/// A folder that is empty at the start.
fn folder(name: &str) -> PathBuf {
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
    let _ = std::fs::remove_dir_all(&folder);
    std::fs::create_dir_all(&folder).expect("a folder");
    folder
}

/// A picture: width, height, three bytes a pixel, and its texts.
struct Picture {
    width: u32,
    height: u32,
    rgb: Vec<u8>,
    texts: BTreeMap<String, String>,
}

impl Picture {
    fn read(bytes: &[u8]) -> Self {
        let mut decoder = Decoder::new(Cursor::new(bytes));
        decoder.set_transformations(Transformations::IDENTITY);
        let mut reader = decoder.read_info().expect("a header");
        let mut rgb = vec![0; reader.output_buffer_size().expect("a size")];
        let frame = reader.next_frame(&mut rgb).expect("pixels");
        assert_eq!((frame.color_type, frame.bit_depth), (png::ColorType::Rgb, png::BitDepth::Eight));
        let texts = reader.info().utf8_text.iter();
        let texts = texts.map(|t| (t.keyword.clone(), t.get_text().expect("text"))).collect();
        Self { width: frame.width, height: frame.height, rgb, texts }
    }

    fn pixel(&self, x: u32, y: u32) -> [u8; 3] {
        let at = (y * self.width + x) as usize * 3;
        [self.rgb[at], self.rgb[at + 1], self.rgb[at + 2]]
    }

    /// How many pixels have exactly this colour.
    fn count(&self, colour: u32) -> usize {
        let [_, r, g, b] = colour.to_be_bytes();
        self.rgb.chunks_exact(3).filter(|pixel| *pixel == [r, g, b]).count()
    }
}

/// SVG, drawn by a renderer: paper, guest code, hatching, an arrow and text are there in the colours of the theme.
#[test]
fn pixels_show_the_figure() {
    // Paper, ink, guest code, exit, IPI.
    let light = [0x00ff_ffff, 0x001d_2430, 0x00cf_e4f3, 0x00c8_500a, 0x00a8_437f];
    let dark = [0x001a_2029, 0x00e8_ebf0, 0x001d_3c54, 0x00ff_8a4c, 0x00e3_8fc0];
    for (theme, [paper, ink, guest, exit, ipi]) in [(None, light), (Some("light"), light), (Some("dark"), dark)] {
        let theme = theme.map_or_else(Vec::new, |theme| vec!["--theme", theme]);
        let args = |paths| [&["render", NAME, "--format", "png", "--paths", paths], theme.as_slice()].concat();
        let both = Picture::read(&bytes(&args("pinned,posted")));
        let run = opened(NAME);
        assert_eq!(both.width, 1_920, "twice 960");
        assert!(both.texts["Description"].ends_with(&told(&run).text()), "{:?}", both.texts);
        assert_eq!(u32::from_be_bytes([0, both.pixel(0, 0)[0], both.pixel(0, 0)[1], both.pixel(0, 0)[2]]), paper);
        assert_eq!(both.pixel(both.width - 1, both.height - 1), both.pixel(0, 0));
        for (colour, least) in [(paper, 500_000), (ink, 4_000), (guest, 100_000), (exit, 2_000), (ipi, 300)] {
            assert!(both.count(colour) > least, "{theme:?} {colour:06x}: {}", both.count(colour));
        }
        // The pinned path sends nothing. At the end, nothing of it is faint.
        let pinned = Picture::read(&bytes(&[args("pinned"), vec!["--step", "end"]].concat()));
        assert_eq!(pinned.count(ipi), 0);
        assert!(pinned.count(exit) > 1_000 && pinned.height < both.height, "{}", pinned.count(exit));
        // Ink where the title stands: letters are drawn, with whatever fonts this machine has or has not.
        let title = (0..60 * pinned.width)
            .filter(|at| pinned.pixel(at % pinned.width, at / pinned.width) != pinned.pixel(0, 0));
        assert!((1_000..20_000).contains(&title.count()));
    }
}

#[test]
fn pixels_have_the_size_that_is_asked_for() {
    for (width, scale, expect) in [("400", "1", 400), ("340", "3", 1_020)] {
        let args = ["render", NAME, "--format", "png", "--width", width, "--scale", scale, "--paths", "pinned"];
        let picture = Picture::read(&bytes(&args));
        assert_eq!(picture.width, expect);
    }
}

/// Frames put on each other as the format says, against the picture of the last beat.
#[test]
fn an_animation_ends_where_the_picture_is() {
    let file = bytes(&["render", NAME, "--format", "apng", "--range", "30..36", "--width", "500", "--pace", "250"]);
    let mut reader = Decoder::new(Cursor::new(&file)).read_info().expect("a header");
    let control = *reader.info().animation_control().expect("an animation");
    assert_eq!((control.num_frames, control.num_plays), (7, 1));
    let (width, height) = (reader.info().width, reader.info().height);
    let mut canvas = vec![0; (width * height * 3) as usize];
    let mut changed = 0;
    for n in 0..7 {
        let mut frame = vec![0; canvas.len()];
        let about = reader.next_frame(&mut frame).expect("a frame");
        let place = *reader.info().frame_control().expect("a place");
        assert_eq!((place.delay_num, place.delay_den), (250, 1_000), "{n}");
        assert!(n > 0 || (about.width, about.height, place.x_offset, place.y_offset) == (width, height, 0, 0));
        for row in 0..about.height {
            let from = (row * about.width * 3) as usize;
            let to = (((place.y_offset + row) * width + place.x_offset) * 3) as usize;
            let length = (about.width * 3) as usize;
            canvas[to..to + length].copy_from_slice(&frame[from..from + length]);
        }
        changed += u32::from(about.width * about.height < width * height);
    }
    assert!(changed > 0, "no frame is smaller than the picture");
    let last = bytes(&["render", NAME, "--format", "png", "--step", "36", "--width", "500", "--scale", "1"]);
    let last = Picture::read(&last);
    assert_eq!(last.width, width);
    let rows = last.height.min(height) as usize * width as usize * 3;
    assert!(canvas[..rows] == last.rgb[..rows], "the last frame differs");
    assert!(Picture::read(&file).texts["Description"].contains("Pinned"));
}

#[test]
fn without_a_range_an_animation_is_of_the_tick() {
    let run = opened(NAME);
    let tick = run.ticks()[run.tick_of(run.position() - 1)].clone();
    let file = bytes(&["render", NAME, "--format", "apng", "--width", "340", "--paths", "posted"]);
    let reader = Decoder::new(Cursor::new(&file)).read_info().expect("a header");
    let frames = reader.info().animation_control().expect("an animation").num_frames as usize;
    // The posted path alone has fewer beats than both.
    assert!(frames > 20 && frames <= tick.len() + 1, "{frames}");
}

#[test]
fn svg_is_the_figure_of_the_moment() {
    let opening = opened(NAME).position().to_string();
    let svg = stdout(&["render", NAME, "--format", "svg"], b"");
    assert_eq!(svg, stdout(&["render", "--preset", NAME, "--format", "svg", "--step", &opening], b""));
    assert_eq!(svg, stdout(&["render", NAME, "--format", "svg", "--step", "opening"], b""));
    assert_ne!(svg, stdout(&["render", NAME, "--format", "svg", "--step", "end"], b""));
    let file = folder("svg").join("figure.svg");
    let name = file.display().to_string();
    assert_eq!(stdout(&["render", NAME, "-o", &name], b""), "");
    assert_eq!(std::fs::read_to_string(&file).expect("a file"), svg);
    // From standard input to standard output.
    let toml =
        std::fs::read(PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(format!("../../static/presets/{NAME}.toml")));
    assert_eq!(stdout(&["render", "-", "--format", "svg", "-o", "-"], &toml.expect("a file")), svg);
    assert!(svg.contains("prefers-color-scheme:dark"));
    let dark = stdout(&["render", NAME, "--format", "svg", "--theme", "dark"], b"");
    assert!(!dark.contains("prefers-color-scheme") && dark.contains("#1a2029"));
}

/// A mail's lines fit, and its link is the moment.
#[test]
fn a_mail_fits_into_80_columns() {
    for name in [NAME, "two-vcpus-one-housekeeper", "amd-avic"] {
        let text = stdout(&["render", name, "--format", "txt", "--page", "https://example.org/"], b"");
        let mut lines: Vec<_> = text.lines().collect();
        let address = lines.pop().expect("a link");
        for line in &lines {
            assert!(line.chars().count() <= 80, "{line}");
        }
        let run = opened(name);
        let link = link::decode(address).expect("a link");
        assert_eq!((link.position, link.scenario), (Some(run.position() as u32), run.scenario().clone()));
        assert!(address.starts_with("https://example.org/#v"), "{address}");
        assert_eq!(lines.iter().filter(|line| line.contains(", this tick: ")).count(), run.paths().len());
    }
    // Several ticks, each with its own text.
    let text = stdout(&["render", NAME, "--format", "txt", "--range", ".."], b"");
    assert_eq!(text.matches("Pinned, this tick").count(), lockstep(NAME).ticks().len());
}

/// The words of each block of a document, by kind.
fn blocks(markdown: &str) -> Vec<(String, String)> {
    let mut blocks: Vec<(String, String)> = Vec::new();
    let mut open = Vec::new();
    for event in Parser::new_ext(markdown, Options::ENABLE_TABLES) {
        match event {
            Event::Start(tag) => {
                let kind = match tag {
                    Tag::Heading { level, .. } => format!("{level}"),
                    Tag::Item => "item".to_owned(),
                    Tag::Paragraph => "p".to_owned(),
                    Tag::TableCell => "cell".to_owned(),
                    Tag::TableRow | Tag::TableHead => "row".to_owned(),
                    Tag::Image { ref dest_url, .. } => format!("image {dest_url}"),
                    Tag::Link { ref dest_url, .. } => format!("link {dest_url}"),
                    _ => continue,
                };
                open.push(blocks.len());
                blocks.push((kind, String::new()));
            }
            Event::End(
                TagEnd::Heading(_)
                | TagEnd::Item
                | TagEnd::Paragraph
                | TagEnd::TableCell
                | TagEnd::TableRow
                | TagEnd::TableHead
                | TagEnd::Image
                | TagEnd::Link,
            ) => _ = open.pop(),
            Event::Text(text) | Event::Code(text) => {
                for at in &open {
                    blocks[*at].1 += &text;
                }
            }
            Event::Html(html) | Event::InlineHtml(html) => panic!("{html}"),
            Event::SoftBreak => open.iter().for_each(|at| blocks[*at].1.push(' ')),
            _ => {}
        }
    }
    blocks
}

/// Every sentence, as a reader of Markdown has it.
#[test]
fn the_narration_is_that_of_the_beats() {
    for name in [NAME, "userspace-irqchip", "blocked-vcpu"] {
        let text = stdout(&["render", name, "--format", "md", "--range", ".."], b"");
        let run = lockstep(name);
        let mut expect = Vec::new();
        each_beat(&run, 0..run.len(), |run| {
            let at = run.last_beat().expect("a beat").at.as_ns();
            expect.push(format!("{}.{:03} µs: {}", at / 1_000, at % 1_000, told(run).text()));
            Ok::<_, ()>(())
        })
        .expect("nothing fails");
        let blocks = blocks(&text);
        let of =
            |kind: &str| blocks.iter().filter(|(k, _)| k == kind).map(|(_, text)| text.clone()).collect::<Vec<_>>();
        assert_eq!(of("item"), expect);
        assert_eq!(of("h1"), [run.scenario().meta.title.clone()]);
        assert_eq!(of("h2").len(), run.ticks().len());
        assert_eq!(of("p")[0], run.scenario().meta.question);
    }
}

/// Figures, the ledger's numbers, sources and the link, as a reader of Markdown has them.
#[test]
fn a_card_has_what_a_review_asks_for() {
    let folder = folder("card");
    let file = folder.join("review.md");
    let name = file.display().to_string();
    let args = ["render", NAME, "--format", "card", "-o", &name, "--page", "https://example.org/#"];
    assert_eq!(stdout(&args, b""), "");
    let text = std::fs::read_to_string(&file).expect("a card");
    let blocks = blocks(&text);
    let run = opened(NAME);
    assert_eq!(blocks[0], ("h1".to_owned(), run.scenario().meta.question.clone()));

    let images: Vec<_> = blocks.iter().filter_map(|(kind, alt)| Some((kind.strip_prefix("image ")?, alt))).collect();
    assert_eq!(images.iter().map(|(place, _)| *place).collect::<Vec<_>>(), ["review-pinned.svg", "review-posted.svg"]);
    for (place, alt) in &images {
        let svg = std::fs::read_to_string(folder.join(place)).expect("a figure");
        let doc = roxmltree::Document::parse(&svg).expect("well formed");
        let desc = doc.descendants().find(|n| n.tag_name().name() == "desc").and_then(|n| n.text());
        assert_eq!(desc, Some(alt.as_str()));
        assert!(alt.len() > 60 && alt.ends_with('.'), "{alt}");
    }

    let link = blocks.iter().find_map(|(kind, _)| kind.strip_prefix("link ")).expect("a link");
    let moment = link::decode(link).expect("a link");
    assert_eq!(moment.position, Some(run.position() as u32));
    let fragment = link.strip_prefix("https://example.org/#").expect("an address");
    assert!(text.contains(&format!("`exitless run '{fragment}'`")) && text.contains(env!("CARGO_PKG_VERSION")));
    // The ledger is that of the same link.
    let document = json(&["run", fragment, "--json"], b"");
    let rows: Vec<_> = cells(&blocks);
    let row = |name: &str| rows.iter().find(|row| row[0] == name).unwrap_or_else(|| panic!("{name}: {rows:?}"));
    assert_eq!(rows[0], ["", "Pinned", "Offloaded"]);
    for (name, key) in [
        ("exits while arming", "exits_arming"),
        ("exits while firing", "exits_firing"),
        ("IPIs sent", "ipis_sent"),
        ("handlers", "handlers"),
    ] {
        for path in 0..2 {
            assert_eq!(row(name)[path + 1], document["paths"][path]["ledger"][key].to_string(), "{name}");
        }
    }
    for part in ["Moved, not removed.", "0c5f81dad46c", "**assumed**", "**share of**", "get\\_nohz\\_timer\\_target"] {
        assert!(text.contains(part), "{part}");
    }
    assert!(rows.iter().any(|row| row[0] == "C9" && row[2].contains("kvm_vcpu_trigger_posted_interrupt")), "{rows:?}");
}

fn cells(blocks: &[(String, String)]) -> Vec<Vec<String>> {
    let mut rows: Vec<Vec<String>> = Vec::new();
    for (kind, text) in blocks {
        match kind.as_str() {
            "row" => rows.push(Vec::new()),
            "cell" => rows.last_mut().expect("a row").push(text.clone()),
            _ => {}
        }
    }
    rows
}

/// Without a file to stand beside, the figures are in the card.
#[test]
fn a_card_alone_has_its_figures_inside() {
    let text = stdout(&["render", NAME, "--format", "card"], b"");
    let blocks = blocks(&text);
    let images: Vec<_> = blocks.iter().filter_map(|(kind, _)| kind.strip_prefix("image ")).collect();
    assert_eq!(images.len(), 2);
    for image in images {
        let data = image.strip_prefix("data:image/svg+xml;base64,").expect("data");
        let svg = base64::engine::general_purpose::STANDARD.decode(data).expect("base64");
        let svg = String::from_utf8(svg).expect("UTF-8");
        assert!(roxmltree::Document::parse(&svg).is_ok());
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_file_that_cannot_be_written_is_status_1() {
    for (format, file) in [("csv", "/dev/full"), ("png", "/dev/full"), ("svg", "/no/such/folder/figure.svg")] {
        let output = run(&["render", NAME, "--format", format, "-o", file], b"");
        let message = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{message}");
        assert!(message.starts_with(&format!("exitless: writing {file}: ")), "{message}");
    }
}

/// Every example of the document is run, each into a file of its own.
#[test]
fn the_examples_of_the_document_work() {
    let document = include_str!("../../../../docs/render.md");
    let rows = document.lines().filter(|line| line.starts_with("| [`"));
    let commands = rows.filter_map(|row| row.split("`exitless render ").nth(1)?.split('`').next());
    let commands: Vec<_> = commands.collect();
    assert_eq!(commands.len(), 10);
    for (n, command) in commands.into_iter().enumerate() {
        let folder = folder(&format!("example-{n}"));
        let mut args = vec!["render".to_owned()];
        let mut words = command.split(' ');
        while let Some(word) = words.next() {
            args.push(if word == "LINK" { NAME.to_owned() } else { word.to_owned() });
            if word == "-o" {
                args.push(folder.join(words.next().expect("a name")).display().to_string());
            }
        }
        let args: Vec<_> = args.iter().map(String::as_str).collect();
        let output = bytes(&args);
        let files = std::fs::read_dir(&folder).expect("a folder").count();
        assert_eq!(output.is_empty(), files > 0, "{command}");
    }
    // Its link is a moment.
    let link = document.split('\'').find(|text| text.starts_with('v')).expect("a link");
    assert_eq!(link::decode(link).map(|link| link.preset), Ok(Some(NAME.to_owned())));
}
