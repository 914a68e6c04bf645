//! What a frame of 1920x1080 costs, on one thread: the common ways from a camera to a display or an encoder.

use std::hint::black_box;

use cpu_convert::{Conversion, Filter, Orientation, Picture, PlaneMut, PlaneRef};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use dmabuf_heap::{Fourcc, FrameLayout, YuvColor, YuvEncoding, YuvRange};

const COLOR: YuvColor = YuvColor::new(YuvEncoding::Bt709, YuvRange::Limited);
const FULL_HD: (u32, u32) = (1920, 1080);

fn planes_of(picture: Picture) -> Vec<(Vec<u8>, usize)> {
    let layout = FrameLayout::linear(picture.fourcc, picture.width, picture.height, 64);
    let layout = layout.expect("the layout is possible");
    let planes = layout.planes().iter();
    planes
        .map(|plane| {
            let len = usize::try_from(plane.len).expect("it fits in memory");
            ((0..=250).cycle().take(len).collect(), plane.stride as usize)
        })
        .collect()
}

fn bench(
    criterion: &mut Criterion,
    from: Fourcc,
    to: Fourcc,
    size: (u32, u32),
    orientation: Orientation,
) {
    let picture = |fourcc, (width, height)| Picture {
        fourcc,
        width,
        height,
        color: COLOR,
    };
    let (from, to) = (picture(from, FULL_HD), picture(to, size));
    let conversion = Conversion::new(from, to, orientation, None, Filter::Bilinear, 1);
    let mut conversion = conversion.expect("the conversion is possible");
    let sources = planes_of(from);
    let mut targets = planes_of(to);
    let mut group = criterion.benchmark_group("convert");
    group.throughput(Throughput::Elements(u64::from(FULL_HD.0 * FULL_HD.1)));
    group.sample_size(20);
    group.bench_function(
        format!(
            "{}-to-{}x{}-{}-{orientation:?}",
            from.fourcc, size.0, size.1, to.fourcc
        ),
        |bencher| {
            let sources: Vec<_> = sources
                .iter()
                .map(|(data, stride)| PlaneRef {
                    data,
                    stride: *stride,
                })
                .collect();
            bencher.iter(|| {
                let mut targets: Vec<_> = targets
                    .iter_mut()
                    .map(|(data, stride)| PlaneMut {
                        data,
                        stride: *stride,
                    })
                    .collect();
                conversion
                    .convert_planes(black_box(&sources), &mut targets)
                    .expect("the planes fit");
            });
        },
    );
    group.finish();
}

fn all(criterion: &mut Criterion) {
    let as_it_is = Orientation::Identity;
    for (from, to) in [
        (Fourcc::NV12, Fourcc::XRGB8888),
        (Fourcc::YUYV, Fourcc::XRGB8888),
        (Fourcc::YUYV, Fourcc::NV12),
        (Fourcc::XRGB8888, Fourcc::NV12),
        (Fourcc::RGB888, Fourcc::XRGB8888),
        (Fourcc::NV12, Fourcc::NV12),
    ] {
        bench(criterion, from, to, FULL_HD, as_it_is);
    }
    bench(criterion, Fourcc::NV12, Fourcc::NV12, (1280, 720), as_it_is);
    bench(
        criterion,
        Fourcc::NV12,
        Fourcc::XRGB8888,
        (1280, 720),
        as_it_is,
    );
    bench(
        criterion,
        Fourcc::NV12,
        Fourcc::NV12,
        (1080, 1920),
        Orientation::Rotate90,
    );
    bench(
        criterion,
        Fourcc::XRGB8888,
        Fourcc::XRGB8888,
        (1080, 1920),
        Orientation::Rotate90,
    );
}

criterion_group!(benches, all);
criterion_main!(benches);
