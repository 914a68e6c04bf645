//! What a compositor prefers to import: the feedback of linux-dmabuf, version 4 and 5.
//!
//! A feedback is a table of formats and a list of tranches of indices into it, most preferred first; it is sent anew
//! whenever the preference changes. Two things are easily got wrong. The table need not come again: Weston sends it once,
//! and later tranches still mean it. And one tranche may come in several `tranche_formats`.

mod format_table;

use std::os::fd::AsFd;

use dmabuf_heap::{Format, FormatSet, Fourcc, Modifier};
use tracing::{debug, warn};

/// Bytes of an entry: a fourcc, four bytes of nothing, a modifier.
const ENTRY_LEN: usize = 16;

/// Puts one feedback object's events together.
#[derive(Debug, Default)]
pub(crate) struct Reader {
    table: Vec<Format>,
    /// Whether the table that was sent last could not be read.
    is_broken: bool,
    formats: FormatSet,
    tranches: usize,
    /// Indices that the table does not have.
    strays: usize,
}

impl Reader {
    /// `format_table`: the table for this feedback and later ones.
    pub(crate) fn format_table(&mut self, file: impl AsFd, len: u32) {
        match format_table::read(file, len as usize) {
            Ok(bytes) => {
                self.table = parse_table(&bytes);
                self.is_broken = false;
            }
            Err(error) => {
                warn!(len, %error, "the compositor's format table cannot be read");
                self.is_broken = true;
            }
        }
    }

    /// `tranche_formats`: more formats of the tranche that is being sent, as 16 bit indices.
    pub(crate) fn tranche_formats(&mut self, indices: &[u8]) {
        for index in indices.chunks_exact(2) {
            let index = usize::from(u16::from_ne_bytes([index[0], index[1]]));
            match self.table.get(index) {
                Some(&format) => {
                    self.formats.insert(format);
                }
                None => self.strays += 1,
            }
        }
    }

    /// `tranche_done`
    pub(crate) fn tranche_done(&mut self) {
        self.tranches += 1;
    }

    /// `done`: what the feedback comes to, all tranches together; `None` if its table could not be read, so that what was
    /// known before stays.
    pub(crate) fn done(&mut self) -> Option<FormatSet> {
        let formats = std::mem::take(&mut self.formats);
        let (tranches, strays) = (self.tranches, self.strays);
        (self.tranches, self.strays) = (0, 0);
        if strays > 0 {
            warn!(
                strays,
                entries = self.table.len(),
                "the compositor names formats beyond its table"
            );
        }
        debug!(tranches, %formats, "linux-dmabuf feedback");
        (!self.is_broken).then_some(formats)
    }
}

fn parse_table(bytes: &[u8]) -> Vec<Format> {
    let entry = |entry: &[u8]| {
        let (fourcc, rest) = entry.split_first_chunk::<4>()?;
        let modifier = rest.last_chunk::<8>()?;
        Some(Format {
            fourcc: Fourcc(u32::from_ne_bytes(*fourcc)),
            modifier: Modifier(u64::from_ne_bytes(*modifier)),
        })
    };
    bytes.chunks_exact(ENTRY_LEN).filter_map(entry).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use rustix::fs::{MemfdFlags, memfd_create};
    use std::os::fd::OwnedFd;

    const TILED: Format = Format {
        fourcc: Fourcc::NV12,
        modifier: Modifier(0x0100_0000_0000_0002),
    };

    fn table(formats: &[Format]) -> (OwnedFd, u32) {
        let mut bytes = Vec::new();
        for format in formats {
            bytes.extend(format.fourcc.0.to_ne_bytes());
            bytes.extend([0xee; 4]);
            bytes.extend(format.modifier.0.to_ne_bytes());
        }
        file(&bytes)
    }

    fn file(bytes: &[u8]) -> (OwnedFd, u32) {
        let file = memfd_create("table", MemfdFlags::CLOEXEC).unwrap();
        rustix::io::write(&file, bytes).unwrap();
        (file, u32::try_from(bytes.len()).unwrap())
    }

    fn indices(indices: &[u16]) -> Vec<u8> {
        indices
            .iter()
            .flat_map(|index| index.to_ne_bytes())
            .collect()
    }

    fn reader() -> Reader {
        let mut reader = Reader::default();
        let formats = [
            Format::linear(Fourcc::XRGB8888),
            Format::linear(Fourcc::NV12),
            TILED,
        ];
        let (file, len) = table(&formats);
        reader.format_table(&file, len);
        reader
    }

    #[test]
    fn the_formats_of_all_tranches_count() {
        let mut reader = reader();
        reader.tranche_formats(&indices(&[2]));
        reader.tranche_done();
        reader.tranche_formats(&indices(&[0, 1]));
        reader.tranche_done();
        let formats = reader.done().unwrap();
        assert_eq!(formats.len(), 3);
        assert!(formats.contains(TILED));
    }

    #[test]
    fn a_tranche_may_come_in_pieces() {
        let mut reader = reader();
        reader.tranche_formats(&indices(&[0]));
        reader.tranche_formats(&indices(&[1, 2]));
        reader.tranche_done();
        assert_eq!(reader.done().unwrap().len(), 3);
    }

    #[test]
    fn feedback_sent_again_without_its_table_means_the_old_table() {
        let mut reader = reader();
        reader.tranche_formats(&indices(&[0, 1, 2]));
        reader.tranche_done();
        reader.done();
        reader.tranche_formats(&indices(&[2]));
        reader.tranche_done();
        let formats = reader.done().unwrap();
        assert_eq!(formats, [TILED].into_iter().collect());
    }

    #[test]
    fn a_new_table_replaces_the_old_one() {
        let mut reader = reader();
        let (file, len) = table(&[Format::linear(Fourcc::YUYV)]);
        reader.format_table(&file, len);
        reader.tranche_formats(&indices(&[0]));
        let formats = reader.done().unwrap();
        assert_eq!(
            formats,
            [Format::linear(Fourcc::YUYV)].into_iter().collect()
        );
    }

    #[test]
    fn a_table_that_cannot_be_read_leaves_what_was_known() {
        let mut reader = reader();
        let (file, len) = table(&[Format::linear(Fourcc::YUYV)]);
        reader.format_table(&file, len + 1);
        reader.tranche_formats(&indices(&[0]));
        assert_eq!(reader.done(), None);
    }

    #[test]
    fn indices_beyond_the_table_name_nothing() {
        let mut reader = reader();
        reader.tranche_formats(&indices(&[1, 3, u16::MAX]));
        let formats = reader.done().unwrap();
        assert_eq!(
            formats,
            [Format::linear(Fourcc::NV12)].into_iter().collect()
        );
    }

    proptest! {
        #[test]
        fn nothing_that_is_sent_makes_the_reader_panic(
            bytes in proptest::collection::vec(any::<u8>(), 0..200), announced in 0_u32..400,
            chosen in proptest::collection::vec(any::<u8>(), 0..40),
        ) {
            let mut reader = Reader::default();
            let (file, _len) = file(&bytes);
            reader.format_table(&file, announced);
            reader.tranche_formats(&chosen);
            reader.tranche_done();
            let formats = reader.done();
            prop_assert_eq!(formats.is_none(), announced as usize > bytes.len());
        }
    }
}
