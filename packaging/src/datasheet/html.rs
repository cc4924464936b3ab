//! The datasheet as one HTML file: its drawings and its style are in it.

use super::markdown::anchor;
use super::svg::escaped;
use pulldown_cmark::{CowStr, Event, Options, Parser, Tag, TagEnd, html};
use std::collections::HashMap;

const STYLE: &str = include_str!("../../templates/datasheet/style.css");

/// The page.
///
/// # Arguments
/// - `drawings`: the SVGs by the paths that the Markdown names them by.
pub(super) fn page(title: &str, markdown: &str, drawings: &HashMap<String, String>) -> String {
    let parser = Parser::new_ext(markdown, Options::ENABLE_TABLES);
    let events = with_drawings(with_anchors(parser.collect()), drawings);
    let mut body = String::new();
    html::push_html(&mut body, events.into_iter());
    let title = escaped(title);
    format!(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\"/>\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"/>\n\
         <title>{title}</title>\n<style>\n{STYLE}</style>\n</head>\n<body>\n<main>\n{body}</main>\n</body>\n</html>\n"
    )
}

/// Every heading gets the anchor that links to it use.
fn with_anchors(mut events: Vec<Event>) -> Vec<Event> {
    let mut heading = None;
    for index in 0..events.len() {
        match &events[index] {
            Event::Start(Tag::Heading { .. }) => heading = Some((index, String::new())),
            Event::Text(text) | Event::Code(text) => {
                if let Some((_, name)) = &mut heading {
                    name.push_str(text);
                }
            }
            Event::End(TagEnd::Heading(_)) => {
                if let Some((start, name)) = heading.take()
                    && let Event::Start(Tag::Heading { id, .. }) = &mut events[start]
                {
                    *id = Some(CowStr::from(anchor(&name)));
                }
            }
            _ => {}
        }
    }
    events
}

/// Images become the drawings themselves.
fn with_drawings<'a>(events: Vec<Event<'a>>, drawings: &HashMap<String, String>) -> Vec<Event<'a>> {
    let mut kept = Vec::new();
    let mut inside = false;
    for event in events {
        match &event {
            Event::Start(Tag::Image { dest_url, .. }) => {
                inside = true;
                let drawing = drawings.get(dest_url.as_ref());
                let figure = drawing.map_or(String::new(), |svg| {
                    format!("<span class=\"drawing\">{svg}</span>")
                });
                kept.push(Event::InlineHtml(CowStr::from(figure)));
            }
            Event::End(TagEnd::Image) => inside = false,
            _ if inside => {}
            _ => kept.push(event),
        }
    }
    kept
}
