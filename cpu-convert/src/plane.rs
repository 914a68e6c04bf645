/// The pixels of one plane in memory, to be read.
#[derive(Clone, Copy, Debug, Default)]
pub struct PlaneRef<'a> {
    /// From the first pixel to the last; the padding of the last row may be missing.
    pub data: &'a [u8],
    /// Bytes from the start of one row to the start of the next.
    pub stride: usize,
}

/// The pixels of one plane in memory, to be written. Padding is left alone.
#[derive(Debug, Default)]
pub struct PlaneMut<'a> {
    /// From the first pixel to the last; the padding of the last row may be missing.
    pub data: &'a mut [u8],
    /// Bytes from the start of one row to the start of the next.
    pub stride: usize,
}
