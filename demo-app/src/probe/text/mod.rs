//! The findings on a page of 80 columns.

use std::fmt::{self, Write};

use anstyle::{AnsiColor, Style};
use textwrap::Options;

use super::model::{AllocatorRow, Cell, DeviceRow, Findings, Mark};

const WIDTH: usize = 80;

const HEADING: Style = Style::new().bold();
const GOOD: Style = AnsiColor::Green.on_default();
const BAD: Style = AnsiColor::Red.on_default();
const OPEN: Style = AnsiColor::Yellow.on_default();

/// No picture comes near this many bytes, so a limit beyond it is none.
const TOO_LARGE_TO_MATTER: u64 = 1 << 36;

/// Columns for the mark of one allocator.
const MARK_WIDTH: usize = 3;

/// The page. Its colours are for `anstream` to take away where they do not belong.
pub(super) fn page(findings: &Findings) -> Result<String, fmt::Error> {
    let mut page = String::new();
    memory(&mut page, findings)?;
    matrix(&mut page, findings)?;
    reasons(&mut page, findings)?;
    permissions(&mut page, findings)?;
    Ok(page)
}

fn memory(page: &mut String, findings: &Findings) -> fmt::Result {
    writeln!(page, "{HEADING}Memory{HEADING:#}")?;
    if findings.allocators.is_empty() {
        writeln!(
            page,
            "  none that devices can share: no heap and no udmabuf can be opened"
        )?;
    }
    let longest = findings
        .allocators
        .iter()
        .map(|allocator| allocator.name.len())
        .max()
        .unwrap_or(0);
    for (index, allocator) in findings.allocators.iter().enumerate() {
        let start = format!("  {}  {:longest$}  ", letter(index), allocator.name);
        let rest = " ".repeat(start.len());
        wrapped(page, &start, &rest, &memory_text(allocator))?;
    }
    Ok(())
}

fn memory_text(allocator: &AllocatorRow) -> String {
    let mut text = match allocator.contiguity {
        "contiguous" => "physically contiguous".to_owned(),
        "scattered" => "scattered pages".to_owned(),
        _ => "nobody says how its pages lie".to_owned(),
    };
    if !allocator.mappable {
        text.push_str(", closed to the CPU");
    }
    if let Some(len) = allocator.max_len.filter(|&len| len < TOO_LARGE_TO_MATTER) {
        _ = write!(text, ", at most {} MiB a buffer", len >> 20);
    }
    if !allocator.aliases.is_empty() {
        _ = write!(text, "; also named {}", allocator.aliases.join(", "));
    }
    text
}

fn matrix(page: &mut String, findings: &Findings) -> fmt::Result {
    writeln!(page)?;
    if findings.devices.is_empty() {
        writeln!(page, "{HEADING}Devices{HEADING:#}")?;
        return writeln!(
            page,
            "  no camera, no mem2mem device, no display: there is neither /dev/video* nor /dev/dri/card*"
        );
    }
    let columns = findings.allocators.len();
    let room = WIDTH.saturating_sub(columns * MARK_WIDTH).max(WIDTH / 2);
    let heading = format!("{:room$}", "Devices");
    write!(page, "{HEADING}{heading}{HEADING:#}")?;
    for index in 0..columns {
        write!(page, "{:>MARK_WIDTH$}", letter(index))?;
    }
    writeln!(page)?;
    for device in &findings.devices {
        let label = format!("  {}", label(device));
        let label = if label.chars().count() > room {
            label.chars().take(room - 1).chain(['…']).collect()
        } else {
            label
        };
        write!(page, "{label:room$}")?;
        for allocator in &findings.allocators {
            let cell = findings.cell(&device.name, &allocator.name);
            let mark = cell.map_or(Mark::Unknown, |cell| cell.verdict);
            let style = style(mark);
            write!(page, "  {style}{}{style:#}", mark.sign())?;
        }
        writeln!(page)?;
    }
    writeln!(page)?;
    writeln!(
        page,
        "{GOOD}✓{GOOD:#} takes this memory   {BAD}✗{BAD:#} refuses it   {OPEN}?{OPEN:#} could not be asked"
    )
}

fn label(device: &DeviceRow) -> String {
    match &device.picture {
        Some(picture) => format!("{}, {} {picture}", device.name, device.role),
        None => device.name.clone(),
    }
}

/// Every reason once, with the allocators that it holds for.
fn reasons(page: &mut String, findings: &Findings) -> fmt::Result {
    let mut is_first = true;
    for device in &findings.devices {
        let mut told: Vec<(Mark, &str, Vec<&str>)> = Vec::new();
        for cell in findings.matrix.iter().filter(|it| it.device == device.name) {
            let Cell {
                verdict,
                reason: Some(reason),
                allocator,
                ..
            } = cell
            else {
                continue;
            };
            match told
                .iter_mut()
                .find(|(mark, text, _)| mark == verdict && text == reason)
            {
                Some((_, _, allocators)) => allocators.push(allocator),
                None => told.push((*verdict, reason, vec![allocator])),
            }
        }
        let problem = device.problem.as_deref();
        if told.is_empty() && problem.is_none() {
            continue;
        }
        if std::mem::take(&mut is_first) {
            writeln!(page, "\n{HEADING}Reasons{HEADING:#}")?;
        }
        writeln!(page, "  {}", device.name)?;
        if let Some(problem) = problem {
            reason(page, Mark::Unknown, problem)?;
        }
        for (mark, text, allocators) in told {
            reason(page, mark, &format!("{}: {text}", allocators.join(", ")))?;
        }
    }
    Ok(())
}

fn reason(page: &mut String, mark: Mark, text: &str) -> fmt::Result {
    let style = style(mark);
    let filled = textwrap::fill(text, Options::new(WIDTH - 6).break_words(false));
    for (index, line) in filled.lines().enumerate() {
        if index == 0 {
            writeln!(page, "    {style}{}{style:#} {line}", mark.sign())?;
        } else {
            writeln!(page, "      {line}")?;
        }
    }
    Ok(())
}

fn permissions(page: &mut String, findings: &Findings) -> fmt::Result {
    if findings.permissions.is_empty() {
        return Ok(());
    }
    writeln!(page, "\n{HEADING}Missing permissions{HEADING:#}")?;
    for permission in &findings.permissions {
        wrapped(page, "  ", "    ", &permission.remedy)?;
    }
    Ok(())
}

fn wrapped(page: &mut String, start: &str, rest: &str, text: &str) -> fmt::Result {
    let options = Options::new(WIDTH)
        .initial_indent(start)
        .subsequent_indent(rest)
        .break_words(false);
    writeln!(page, "{}", textwrap::fill(text, options))
}

const fn style(mark: Mark) -> Style {
    match mark {
        Mark::Accepted => GOOD,
        Mark::Refused => BAD,
        Mark::Unknown => OPEN,
    }
}

/// The column of an allocator: A to Z, then numbers.
fn letter(index: usize) -> String {
    match u8::try_from(index) {
        Ok(index) if index < 26 => char::from(b'A' + index).to_string(),
        _ => index.to_string(),
    }
}

#[cfg(test)]
mod tests;
