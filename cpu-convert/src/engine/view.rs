/// Rows of samples, in a frame or in scratch memory. The padding of the last row may be missing.
#[derive(Clone, Copy, Debug)]
pub(super) struct View<'a> {
    pub data: &'a [u8],
    /// Bytes.
    pub stride: usize,
    /// Samples, or pixels of `size` bytes.
    pub width: u32,
    pub height: u32,
    /// Bytes of one.
    pub size: usize,
}

impl<'a> View<'a> {
    pub(super) const fn packed(data: &'a [u8], width: u32, height: u32, size: usize) -> Self {
        Self {
            data,
            stride: width as usize * size,
            width,
            height,
            size,
        }
    }

    pub(super) fn row(&self, row: u32) -> &'a [u8] {
        let start = row as usize * self.stride;
        &self.data[start..start + self.row_bytes()]
    }

    pub(super) fn row_bytes(&self) -> usize {
        self.width as usize * self.size
    }

    pub(super) fn rows(&self) -> impl Iterator<Item = &'a [u8]> {
        let view = *self;
        (0..view.height).map(move |row| view.row(row))
    }
}

/// The first `len` bytes of a buffer that grows where it must, and keeps what it has.
pub(super) fn room(buffer: &mut Vec<u8>, len: usize) -> &mut [u8] {
    if buffer.len() < len {
        buffer.resize(len, 0);
    }
    &mut buffer[..len]
}
