use std::io;

use thiserror::Error;

/// Why there is no connection to a compositor.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ConnectError {
    /// Nobody says which compositor.
    #[error(
        "no Wayland display is named: WAYLAND_DISPLAY is not set; start this in a Wayland session, or name its socket"
    )]
    NoName,
    /// A relative name, and no directory to look in.
    #[error(
        "Wayland display {name}: XDG_RUNTIME_DIR is {directory}, and the socket is looked for there; set it to the directory of the session, or give the whole path of the socket"
    )]
    NoDirectory {
        /// The display that was asked for.
        name: String,
        /// The variable's value in words.
        directory: String,
    },
    /// The socket cannot be connected to.
    #[error("Wayland display {path}: {source}; {}", socket_remedy(.source))]
    Socket {
        /// The socket.
        path: String,
        /// What the kernel said.
        source: io::Error,
    },
    /// libwayland cannot be loaded.
    #[error("libwayland-client.so.0 cannot be loaded; install libwayland-client")]
    NoLibrary,
    /// Something that every compositor should have is missing.
    #[error(
        "{display} has no {interface} of version {needed} or newer ({found}); video surfaces need it"
    )]
    Missing {
        /// The compositor.
        display: String,
        /// The interface.
        interface: &'static str,
        /// The oldest version that will do.
        needed: u32,
        /// What there is.
        found: String,
    },
    /// The compositor has gone while it introduced itself.
    #[error(transparent)]
    Lost(#[from] LostError),
    /// It does not answer.
    #[error(
        "{display} accepted the connection and said nothing for {seconds} s; the compositor hangs, restart it"
    )]
    Silent {
        /// The compositor.
        display: String,
        /// How long it was waited for.
        seconds: u64,
    },
    /// The event thread cannot be made.
    #[error("{display}: {what} failed: {source}")]
    Kernel {
        /// The compositor.
        display: String,
        /// The request.
        what: &'static str,
        /// What the kernel said.
        source: io::Error,
    },
}

fn socket_remedy(error: &io::Error) -> &'static str {
    match error.kind() {
        io::ErrorKind::NotFound => {
            "no compositor runs under this name; see WAYLAND_DISPLAY and XDG_RUNTIME_DIR"
        }
        io::ErrorKind::ConnectionRefused => {
            "the compositor behind this socket has died; start it again"
        }
        io::ErrorKind::PermissionDenied => "the socket belongs to another user's session",
        _ => "see WAYLAND_DISPLAY and XDG_RUNTIME_DIR",
    }
}

/// Why a connection has ended. Nothing works on it any more.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum LostError {
    /// The compositor has closed the connection: it died, or it threw this client out.
    #[error(
        "{display} is gone: {reason}; the compositor died or closed the connection, its log tells more"
    )]
    Gone {
        /// The compositor.
        display: String,
        /// What the kernel said.
        reason: String,
    },
    /// The compositor says that we broke the protocol.
    #[error("{display} ended the connection: protocol error {code} on {interface}#{object}{}", told(.message))]
    Protocol {
        /// The compositor.
        display: String,
        /// The interface of the object.
        interface: String,
        /// Its number.
        object: u32,
        /// The error's number in that interface.
        code: u32,
        /// The compositor's words. Empty where libwayland reads the connection: it prints them on standard error.
        message: String,
    },
    /// The compositor has sent something that is no Wayland.
    #[error("{display} sent a malformed message: {reason}; the compositor is broken")]
    Malformed {
        /// The compositor.
        display: String,
        /// What is wrong.
        reason: String,
    },
}

fn told(message: &str) -> String {
    if message.is_empty() {
        "; the compositor's words are on standard error".to_owned()
    } else {
        format!(": {message}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_socket_error_says_what_to_do() {
        let error = |kind: io::ErrorKind| {
            let error = ConnectError::Socket {
                path: "/run/user/1000/wayland-7".into(),
                source: kind.into(),
            };
            error.to_string()
        };
        let text = error(io::ErrorKind::NotFound);
        assert!(
            text.contains("wayland-7") && text.contains("XDG_RUNTIME_DIR"),
            "{text}"
        );
        assert!(error(io::ErrorKind::ConnectionRefused).contains("has died"));
    }

    #[test]
    fn a_protocol_error_names_interface_code_and_message() {
        let error = LostError::Protocol {
            display: "Wayland display wayland-0".into(),
            interface: "wp_viewport".into(),
            object: 12,
            code: 2,
            message: "source rectangle out of buffer".into(),
        };
        assert_eq!(
            error.to_string(),
            "Wayland display wayland-0 ended the connection: protocol error 2 on wp_viewport#12: source rectangle out of buffer"
        );
    }
}
