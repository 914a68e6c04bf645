//! The output port of the guest: the bytes of the command, then one marker with its exit status.
//!
//! The marker travels on the same port as the output, behind it. When it has arrived, all output has; a status beside the port would
//! race with the last bytes.

/// What the guest says when a run is over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Marker {
    /// The command ended with this status.
    Exit(u8),
    /// The machine could not be set up: the line that failed and why.
    SetupFailed(String),
}

/// Splits the port's bytes into output and the marker.
#[derive(Debug)]
pub(crate) struct Splitter {
    start: Vec<u8>,
    held: Vec<u8>,
}

impl Splitter {
    /// A splitter for markers that carry `nonce`, which no command can print by chance.
    pub(crate) fn new(nonce: &str) -> Self {
        Self {
            start: format!("\0dmaheap {nonce} ").into_bytes(),
            held: Vec::new(),
        }
    }

    /// Takes bytes from the port; returns the output that is certainly none of the marker's, and the marker once it is complete.
    pub(crate) fn push(&mut self, bytes: &[u8]) -> (Vec<u8>, Option<Marker>) {
        self.held.extend_from_slice(bytes);
        let Some(at) = find(&self.held, &self.start) else {
            let keep = partial_match(&self.held, &self.start);
            let rest = self.held.split_off(self.held.len() - keep);
            return (std::mem::replace(&mut self.held, rest), None);
        };
        let body = &self.held[at + self.start.len()..];
        let marker = body
            .iter()
            .position(|&byte| byte == 0)
            .map(|end| parse(&String::from_utf8_lossy(&body[..end])));
        let rest = self.held.split_off(at);
        let output = std::mem::replace(&mut self.held, rest);
        (output, marker)
    }
}

fn parse(body: &str) -> Marker {
    match body.split_once(' ') {
        Some(("exit", status)) => status
            .trim()
            .parse()
            .map_or_else(|_| Marker::SetupFailed(body.to_owned()), Marker::Exit),
        Some(("setup-failed", text)) => Marker::SetupFailed(text.trim().to_owned()),
        _ => Marker::SetupFailed(body.to_owned()),
    }
}

fn find(bytes: &[u8], pattern: &[u8]) -> Option<usize> {
    bytes
        .windows(pattern.len())
        .position(|window| window == pattern)
}

/// How many of the last bytes may be the beginning of `pattern`.
fn partial_match(bytes: &[u8], pattern: &[u8]) -> usize {
    (1..pattern.len().min(bytes.len() + 1))
        .rev()
        .find(|&len| bytes.ends_with(&pattern[..len]))
        .unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    const STREAM: &[u8] = b"binary \0 and \0dmaheap text\n\0dmaheap n1 exit 7\0";

    #[test]
    fn output_and_marker_are_split_wherever_the_reads_end() {
        for chunk in 1..STREAM.len() {
            let mut splitter = Splitter::new("n1");
            let (mut output, mut marker) = (Vec::new(), None);
            for bytes in STREAM.chunks(chunk) {
                let (part, found) = splitter.push(bytes);
                output.extend(part);
                marker = marker.or(found);
            }
            assert_eq!(
                output, b"binary \0 and \0dmaheap text\n",
                "chunks of {chunk}"
            );
            assert_eq!(marker, Some(Marker::Exit(7)), "chunks of {chunk}");
        }
    }

    #[test]
    fn a_failed_set_up_carries_its_reason() {
        let (output, marker) = Splitter::new("n")
            .push(b"\0dmaheap n setup-failed modprobe vivid: not found\nsecond line\0");
        assert!(output.is_empty());
        assert_eq!(
            marker,
            Some(Marker::SetupFailed(
                "modprobe vivid: not found\nsecond line".to_owned()
            ))
        );
    }

    #[test]
    fn output_is_not_held_back_without_need() {
        assert_eq!(
            Splitter::new("n").push(b"hello\n"),
            (b"hello\n".to_vec(), None)
        );
    }
}
