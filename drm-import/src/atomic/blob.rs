use std::io;
use std::sync::Arc;

use drm::control::Device as _;
use drm::control::property::Value;
use tracing::warn;

use crate::device::Card;

/// Data that a property refers to by number, such as a mode. Dropped, the number is given back; a CRTC
/// that uses the data keeps it.
#[derive(Debug)]
pub(crate) struct Blob {
    card: Arc<Card>,
    id: u64,
}

impl Blob {
    /// A blob that describes `mode`.
    pub(crate) fn mode(card: &Arc<Card>, mode: &drm::control::Mode) -> io::Result<Blob> {
        Self::own(card, card.create_property_blob(mode)?)
    }

    /// A blob with the same content as another, which its owner may destroy.
    pub(crate) fn copy(card: &Arc<Card>, id: u64) -> io::Result<Blob> {
        let data = card.get_property_blob(id)?;
        Self::own(card, card.create_property_blob(data.as_slice())?)
    }

    /// The number to set the property to.
    pub(crate) fn id(&self) -> u64 {
        self.id
    }

    fn own(card: &Arc<Card>, value: Value<'_>) -> io::Result<Blob> {
        let id = value
            .as_blob()
            .ok_or_else(|| io::Error::other("the kernel made no blob"))?;
        Ok(Blob {
            card: Arc::clone(card),
            id,
        })
    }
}

impl Drop for Blob {
    fn drop(&mut self) {
        if let Err(error) = self.card.destroy_property_blob(self.id) {
            warn!(card = %self.card, blob = self.id, %error, "blob cannot be destroyed");
        }
    }
}
