//! What a video sink of this plugin needs whatever it draws on: words for refused caps, the time frames take, copies.

pub(crate) mod refusal;
pub(crate) mod timing;
pub(crate) mod upload;
