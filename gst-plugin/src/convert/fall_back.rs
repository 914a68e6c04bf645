//! Another backend takes over where one fails, at its first frame or in mid-stream.

use std::sync::Arc;

use gst::glib;
use gst::prelude::*;
use gst::subclass::prelude::*;
use gst_base::prelude::*;

use super::backend::Kind;
use super::imp::{CAT, Convert};
use super::settings::Settings;
use super::task::Task;

impl Convert {
    /// Gives the job to the next backend that does it. The one that failed is none any more until the element has been in NULL.
    ///
    /// The application hears of it by the message `dmaheap-path`, once a frame is made.
    ///
    /// # Errors
    ///
    /// There is no other one; the element has said so.
    pub(super) fn fall_back(&self, task: &Task, why: &str) -> Result<Arc<Task>, gst::FlowError> {
        let left = self.backends().without(&task.backend, why);
        let (backend, objections) = left.choose(&task.job).map_err(|nobody| {
            let remedy = remedy(&self.settings());
            gst::element_imp_error!(self, gst::ResourceError::Failed, ("{nobody}{remedy}"));
            gst::FlowError::Error
        })?;
        let reason = format!("{} has taken over: {why}", backend.name());
        gst::warning!(CAT, imp = self, "{reason}");
        let next = Task::taking_over(task, backend, objections, reason);
        let next = Arc::new(next);
        self.hand_over(left, &next);
        // Its own needs of memory are settled at the next frame.
        self.obj().reconfigure_src();
        Ok(next)
    }

    /// What the backend answers; another one is asked where it fails.
    ///
    /// # Errors
    ///
    /// None is left; the element has said so.
    pub(super) fn ask_backend<T>(
        &self,
        mut task: Arc<Task>,
        ask: impl Fn(&Task) -> Result<T, String>,
    ) -> Result<(Arc<Task>, T), gst::LoggableError> {
        loop {
            match ask(&task) {
                Ok(answer) => return Ok((task, answer)),
                Err(why) => {
                    let next = self.fall_back(&task, &why);
                    task = next.map_err(|_told| gst::loggable_error!(CAT, "{why}"))?;
                }
            }
        }
    }
}

/// What the user can do where others than those that were asked for might go on.
fn remedy(settings: &Settings) -> String {
    if let Some(device) = &settings.device {
        return format!(
            "; device={device} allows no other one: look after this device, or unset the property, and another one takes over"
        );
    }
    match settings.backend {
        Kind::Auto => String::new(),
        forced => {
            let value = forced.to_value();
            let nick = glib::EnumValue::from_value(&value).map_or("", |(_class, it)| it.nick());
            format!(
                "; backend={nick} allows no other kind: with backend=auto, another one takes over"
            )
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU64, Ordering};
    use std::time::Duration;

    use dmabuf_heap::{Format, FormatSet, Fourcc, Frame, Importer, Registry};

    use super::*;
    use crate::caps::VideoCaps;
    use crate::convert::backend::{Backend, Bounds, Cost, Effort, WorkError, Worker};
    use crate::convert::choice::Backends;
    use crate::convert::job::{Job, Wishes};
    use crate::heap::{AUTO, HeapSource};
    use crate::pool::{HeapPool, Users};
    use crate::stats::PathStats;
    use crate::testing::Plentiful;

    const FROM: &str = "video/x-raw,format=NV12,width=64,height=48,framerate=30/1";
    const TO: &str = "video/x-raw,format=YUY2,width=64,height=48,framerate=30/1";

    /// A device that makes so many frames and then fails; without one, it does not even start.
    #[derive(Debug)]
    struct Failing {
        name: &'static str,
        cost: u64,
        formats: FormatSet,
        left: Arc<AtomicU64>,
    }

    impl Failing {
        fn after(name: &'static str, frames: u64) -> Arc<dyn Backend> {
            let formats = [Fourcc::NV12, Fourcc::YUYV].map(Format::linear);
            Arc::new(Self {
                name,
                cost: frames,
                formats: formats.into_iter().collect(),
                left: Arc::new(AtomicU64::new(frames)),
            })
        }
    }

    impl Backend for Failing {
        fn name(&self) -> &str {
            self.name
        }

        fn reads(&self) -> &FormatSet {
            &self.formats
        }

        fn makes(&self) -> &FormatSet {
            &self.formats
        }

        fn bounds(&self) -> Bounds {
            Bounds {
                min: (1, 1),
                max: (4096, 4096),
            }
        }

        fn scales(&self) -> bool {
            false
        }

        fn check(&self, _job: &Job) -> Result<Cost, String> {
            Ok(Cost(self.cost))
        }

        fn reader(&self, _job: &Job, _stats: &Arc<PathStats>) -> Result<Arc<dyn Importer>, String> {
            Err("it is gone".to_owned())
        }

        fn writer(&self, _job: &Job, _stats: &Arc<PathStats>) -> Result<Users, String> {
            Ok(Users::default())
        }

        fn start(&self, _job: &Job, _from: &Frame, _to: &Frame) -> Result<Box<dyn Worker>, String> {
            if self.left.load(Ordering::Relaxed) == 0 {
                return Err("it does not start".to_owned());
            }
            Ok(Box::new(AtWork(Arc::clone(&self.left))))
        }
    }

    #[derive(Debug)]
    struct AtWork(Arc<AtomicU64>);

    impl Worker for AtWork {
        fn fits(&self, _from: &Frame, _to: &Frame) -> bool {
            true
        }

        fn work(
            &mut self,
            _from: &Frame,
            _to: &Frame,
            _time: Duration,
        ) -> Result<Effort, WorkError> {
            let left = |left: u64| left.checked_sub(1);
            let counted = self
                .0
                .fetch_update(Ordering::Relaxed, Ordering::Relaxed, left);
            counted.map_err(|_none| WorkError::Failed("its clock stands still".to_owned()))?;
            Ok(Effort::default())
        }
    }

    /// The element with these backends, and what it tells.
    struct Bench {
        element: crate::convert::Convert,
        bus: gst::Bus,
        pools: [HeapPool; 2],
    }

    impl Bench {
        fn with(backends: Vec<Arc<dyn Backend>>) -> Self {
            gst::init().expect("GStreamer");
            let element: crate::convert::Convert = glib::Object::new();
            let bus = gst::Bus::new();
            element.set_bus(Some(&bus));
            let caps = [FROM, TO].map(|it| it.parse::<gst::Caps>().expect("caps syntax"));
            let [from, to] = caps
                .each_ref()
                .map(|it| VideoCaps::parse(it).expect("video"));
            let job = Job::new(from, to, Wishes::default()).expect("a job");
            let first = Arc::clone(&backends[0]);
            let mut all = Backends::default();
            all.all = backends;
            let task = Task::new(job, &caps[0], first, String::new());
            element.imp().start_with(all, task);
            Self {
                element,
                bus,
                pools: caps.map(|it| pool(&it)),
            }
        }

        /// Has frames made; how many came.
        fn make(&self, frames: usize) -> usize {
            let one = |_index| {
                let [from, to] = self.pools.each_ref().map(|pool| {
                    let buffer = pool.acquire_buffer(None);
                    buffer.expect("plenty")
                });
                let mut to = to;
                let imp = self.element.imp();
                let task = imp.state().task.clone().expect("caps");
                imp.convert(task, &from, to.make_mut()).is_ok()
            };
            (0..frames).map(one).filter(|it| *it).count()
        }

        /// The messages `dmaheap-path`: from which path, and why.
        fn told(&self) -> Vec<(String, String)> {
            let wanted = [gst::MessageType::Element];
            let messages = std::iter::from_fn(|| self.bus.pop_filtered(&wanted));
            messages
                .filter_map(|message| {
                    let structure = message.structure()?.to_owned();
                    let text = |field| structure.get::<String>(field).expect("a text");
                    (structure.name() == "dmaheap-path").then(|| (text("previous"), text("reason")))
                })
                .collect()
        }

        fn stats(&self) -> gst::Structure {
            self.element.property("stats")
        }
    }

    fn pool(caps: &gst::Caps) -> HeapPool {
        let registry = Registry::empty();
        let plenty = Arc::new(Plentiful("plenty"));
        registry.register(plenty).expect("a free name");
        let source = HeapSource::among(Arc::new(registry), AUTO).expect("an allocator");
        let listener = Box::new(|_event: crate::pool::PoolEvent<'_>| ());
        let pool = HeapPool::new(Arc::new(source), Users::default(), Arc::default(), listener);
        let video = VideoCaps::parse(caps).expect("video");
        let size = pool.proposal(&video).expect("a size").size;
        let mut config = pool.config();
        config.set_params(Some(caps), size, 1, 0);
        pool.set_config(config).expect("a pool");
        pool.set_active(true).expect("plenty");
        pool
    }

    #[test]
    fn the_next_one_goes_on_where_one_fails_and_that_is_told_once() {
        // The first is the cheaper one, and the first frame is nothing special.
        for made in [0, 2] {
            let bench = Bench::with(vec![
                Failing::after("the scaler", made),
                Failing::after("the other one", 100),
            ]);
            assert_eq!(bench.make(5), 5, "no frame is lost");
            let told = bench.told();
            let reasons: Vec<_> = told.iter().filter(|(_from, why)| !why.is_empty()).collect();
            let [(_from, why)] = &reasons[..] else {
                panic!("{told:?}");
            };
            assert!(why.contains("the other one has taken over"), "{why}");
            let stats = bench.stats();
            assert_eq!(stats.get::<u64>("fallbacks"), Ok(1), "{stats}");
            assert_eq!(stats.get::<&str>("backend"), Ok("the other one"), "{stats}");
            let why = stats.get::<&str>("backend-reason").expect("a reason");
            assert!(why.contains("has failed: the scaler: it"), "{why}");
            assert_eq!(stats.get::<u64>("copies"), Ok(0), "{stats}");
        }
    }

    #[test]
    fn the_last_one_that_fails_is_an_error_with_what_may_help() {
        for (property, value, remedy) in [
            ("backend", "m2m", "backend=auto"),
            ("device", "/dev/video7", "device=/dev/video7"),
            ("backend", "auto", "nothing here converts"),
        ] {
            let bench = Bench::with(vec![Failing::after("the scaler", 1)]);
            bench.element.set_property_from_str(property, value);
            assert_eq!(bench.make(2), 1);
            let message = bench.bus.pop_filtered(&[gst::MessageType::Error]);
            let message = message.expect("an error");
            let gst::MessageView::Error(error) = message.view() else {
                panic!("{message:?}");
            };
            let text = error.error().message().to_owned();
            for part in ["the scaler: its clock stands still", "NV12 64x48", remedy] {
                assert!(text.contains(part), "{part} is missing in: {text}");
            }
        }
    }

    #[test]
    fn memory_is_asked_of_the_next_one_too_and_new_caps_do_not_hide_why() {
        let bench = Bench::with(vec![
            Failing::after("the scaler", 1),
            Failing::after("the other one", 9),
        ]);
        let imp = bench.element.imp();
        let task = imp.state().task.clone().expect("caps");
        let ask = |task: &Task| match task.backend.name() {
            "the scaler" => Err("it is gone".to_owned()),
            name => Ok(name.to_owned()),
        };
        let (task, name) = imp.ask_backend(task, ask).expect("the other one");
        assert_eq!(
            (task.backend.name(), name.as_str()),
            ("the other one", "the other one")
        );
        // As the base class has it settled anew before the next frame.
        let again = Task::new(
            task.job.clone(),
            &task.caps,
            Arc::clone(&task.backend),
            String::new(),
        );
        imp.put_task(Some(again), Wishes::default());
        assert_eq!(bench.make(2), 2);
        let told = bench.told();
        let is_why = |(_from, why): &&(String, String)| why.contains("it is gone");
        assert_eq!(told.iter().filter(is_why).count(), 1, "{told:?}");
    }
}
