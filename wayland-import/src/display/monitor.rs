/// An output of the compositor (`wl_output`).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Monitor {
    /// Its name, such as `HDMI-A-1`; empty if the compositor does not say.
    pub name: String,
    /// What a person would call it.
    pub description: String,
    /// Width and height of its mode in pixels.
    pub size: (u32, u32),
    /// Refreshes in a thousand seconds; 0 if unknown.
    pub refresh_millihertz: u32,
}
