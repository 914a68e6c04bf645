use crate::test::StandIn;
use crate::{Fourcc, Frame, FrameLayout, MapError};

/// A memfd can be mapped but knows no `DMA_BUF_IOCTL_SYNC`: what the kernel makes of real ones is tested there.
#[test]
fn access_that_cannot_begin_is_an_error_that_names_the_edge() {
    let layout = FrameLayout::linear(Fourcc::NV12, 64, 32, 1).unwrap();
    let frame = Frame::new(layout, &[StandIn::dmabuf(layout.size())]).unwrap();
    let mut mapping = frame.map().unwrap();
    let error = mapping.write().unwrap_err();
    assert!(
        matches!(
            error,
            MapError::Sync {
                edge: "START",
                direction: "write",
                ..
            }
        ),
        "{error}"
    );
    assert!(error.to_string().contains("os error 25"), "{error}");
    assert!(matches!(
        mapping.read().unwrap_err(),
        MapError::Sync {
            direction: "read",
            ..
        }
    ));
}

#[test]
fn mapping_does_not_keep_a_frame_from_being_recycled() {
    let layout = FrameLayout::linear(Fourcc::NV12, 64, 32, 1).unwrap();
    let frame = Frame::new(layout, &[StandIn::dmabuf(layout.size())]).unwrap();
    let mapping = frame.map().unwrap();
    assert!(!frame.is_shared());
    assert_eq!(mapping.layout(), frame.layout());
}
