/// How pixels between pixels are made when a picture is scaled.
///
/// All but [`Nearest`](Self::Nearest) widen their reach where the picture gets smaller, so that every source pixel counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Filter {
    /// The nearest pixel: fast, with stairs.
    Nearest,
    /// A triangle of two pixels each way.
    #[default]
    Bilinear,
    /// The Catmull-Rom spline, four pixels each way: sharper.
    Bicubic,
    /// A windowed sinc, six pixels each way: sharpest, and slowest.
    Lanczos,
}
